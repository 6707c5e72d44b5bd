import { type AbortedTransaction, AbortedTransactions } from "./aborted-transactions.js";
import { batchEnd } from "./batch-framing.js";
import { RecordBatch } from "./record-batch.js";
import type { RecordCodecs } from "./record-codecs.js";
import type { KafkaRecord, RecordColumns } from "./record-columns.js";
import type { UncompressedBatches } from "./uncompressed-batches.js";

/** How the records of a fetch response are read. */
export interface RecordBatchReaderOptions {
  readonly codecs: RecordCodecs;
  /** Names the partition in messages, such as `orders-3`. */
  readonly partition: string;
  /** The offset that was asked for: the first batch may begin before it. Default 0. */
  readonly from?: number;
  /** Records from this offset on are left out. Default: none. */
  readonly until?: number;
  /** The response's list when it was read with read_committed; without it nothing is filtered. */
  readonly abortedTransactions?: readonly AbortedTransaction[];
  /** Default true. */
  readonly checkCrcs?: boolean;
  /** Batches that need not be decompressed any more. */
  readonly uncompressed?: UncompressedBatches | undefined;
  /** The most bytes one batch may take when it is decompressed. Default 128 MiB. */
  readonly maxUncompressedBytes?: number;
}

const MAX_UNCOMPRESSED_BYTES = 134_217_728;

/**
 * Reads the `records` of one partition in a fetch response, batch by batch.
 *
 * Owns: the place in the bytes. Called by: a split reader, which has called RecordCodecs.prepareFor before.
 * Invariants: I1 no read outside the bytes, no allocation beyond maxUncompressedBytes and 32 bytes a record;
 * I2 nextOffset never falls, and passes a batch only when its records have been handed out or are not for the user.
 */
export class RecordBatchReader {
  readonly #bytes: Buffer;
  readonly #options: RecordBatchReaderOptions;
  readonly #from: number;
  readonly #until: number;
  readonly #limit: number;
  readonly #aborted: AbortedTransactions | undefined;
  #at = 0;
  #nextOffset: number;

  constructor(records: Uint8Array, options: RecordBatchReaderOptions) {
    this.#bytes = Buffer.from(records.buffer, records.byteOffset, records.length);
    this.#options = options;
    this.#from = options.from ?? 0;
    this.#until = options.until ?? Number.POSITIVE_INFINITY;
    this.#limit = options.maxUncompressedBytes ?? MAX_UNCOMPRESSED_BYTES;
    this.#nextOffset = this.#from;
    const { abortedTransactions } = options;
    this.#aborted = abortedTransactions && new AbortedTransactions(abortedTransactions);
  }

  /** The offset to ask for next: behind the batches read so far, also where those had no records. */
  get nextOffset(): number {
    return this.#nextOffset;
  }

  /** Bytes not read yet; at the end those of a batch that is not whole. */
  get bytesLeft(): number {
    return this.#bytes.length - this.#at;
  }

  /**
   * The records of the next batch that has any for the user; undefined: there is none.
   * `reuse`: columns that nobody looks at any more. Throws BAD_RECORD, LIMIT_EXCEEDED,
   * UNSUPPORTED_OPERATION (message format 0 or 1); then the reader stays before that batch.
   */
  nextColumns(reuse?: RecordColumns): RecordColumns | undefined {
    for (;;) {
      const start = this.#at;
      const place = `${this.#options.partition}, record batch behind offset ${this.#nextOffset - 1}`;
      const end = batchEnd(this.#bytes, start, place);
      if (end === undefined) return undefined;
      const { partition, uncompressed } = this.#options;
      const ahead = uncompressed?.get(start);
      const batch = new RecordBatch(this.#bytes, start, end, partition, ahead);
      const columns = this.#columnsOf(batch, reuse);
      this.#at = end;
      this.#nextOffset = Math.max(this.#nextOffset, batch.nextOffset);
      if (columns !== undefined && columns.count > 0) return columns;
    }
  }

  /** Calls `use` with each record that is left, as a plain object. */
  forEach(use: (record: KafkaRecord) => void): void {
    const columns = this.nextColumns();
    for (let next = columns; next !== undefined; next = this.nextColumns(next)) {
      for (let i = 0; i < next.count; i++) use(next.record(i));
    }
  }

  /** The records that are left, as plain objects. */
  *[Symbol.iterator](): Generator<KafkaRecord, void, undefined> {
    for (let next = this.nextColumns(); next !== undefined; next = this.nextColumns(next)) {
      for (let i = 0; i < next.count; i++) yield next.record(i);
    }
  }

  #columnsOf(batch: RecordBatch, reuse: RecordColumns | undefined): RecordColumns | undefined {
    const { codecs, checkCrcs = true } = this.#options;
    if (checkCrcs) batch.verify(codecs);
    const isAborted = this.#aborted?.includes(batch, () => batch.columns(codecs, this.#limit));
    if (isAborted || batch.isControl || batch.count === 0) return undefined;
    if (batch.nextOffset <= this.#from || batch.baseOffset >= this.#until) return undefined;
    return batch.columns(codecs, this.#limit, this.#from, this.#until, reuse);
  }
}
