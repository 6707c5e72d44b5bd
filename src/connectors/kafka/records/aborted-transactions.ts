import type { RecordBatch } from "./record-batch.js";
import type { RecordColumns } from "./record-columns.js";

/** One aborted transaction of a fetch response: the batches of this producer from this offset to its marker. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** Version and type, two bytes each. */
const MARKER_KEY = 4;
const ABORT = 0;

/**
 * Which batches of one fetch response belong to aborted transactions (CompletedFetch of the Java client).
 *
 * Owns: the transactions not reached yet, and the producers inside an aborted one.
 * Called by: the reader of a response, once for each batch, in the order of the log.
 */
export class AbortedTransactions {
  readonly #ahead: AbortedTransaction[];
  readonly #producers = new Set<number>();

  constructor(transactions: readonly AbortedTransaction[]) {
    // From the last to the first, so that the next one is taken from the end.
    this.#ahead = [...transactions].sort((a, b) => b.firstOffset - a.firstOffset);
  }

  /** Whether the batch belongs to an aborted transaction; `marker` gives the records of a control batch. */
  includes(batch: RecordBatch, marker: () => RecordColumns): boolean {
    if (!batch.hasProducerId) return false;
    this.#enterUpTo(batch.lastOffset);
    if (!batch.isControl) {
      return batch.isTransactional && this.#producers.has(batch.producerId);
    }
    if (isAbortMarker(marker())) this.#producers.delete(batch.producerId);
    return false;
  }

  #enterUpTo(offset: number): void {
    for (let next = this.#ahead.at(-1); next !== undefined; next = this.#ahead.at(-1)) {
      if (next.firstOffset > offset) return;
      this.#producers.add(next.producerId);
      this.#ahead.pop();
    }
  }
}

/** Only a control batch has markers: a record of a user may have the very same key. */
function isAbortMarker(columns: RecordColumns): boolean {
  if (columns.count === 0 || columns.keyLength(0) < MARKER_KEY) return false;
  return columns.bytes.readInt16BE(columns.keyStart(0) + 2) === ABORT;
}
