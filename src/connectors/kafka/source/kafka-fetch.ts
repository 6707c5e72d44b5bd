import type { RecordsWithSplitIds } from "../../../api/split-reader.js";
import { RecordBatchReader, type RecordCodecs, RecordColumns } from "../records/index.js";
import type { PartitionRecords } from "./assigned-partition.js";
import type { RecordPlace } from "./record-place.js";

/** How fetched bytes are decoded. */
export interface DecodeOptions {
  readonly codecs: RecordCodecs;
  readonly checkCrcs: boolean;
  /** Bytes that one batch may take when it is decompressed. */
  readonly maxUncompressedBytes: number;
}

const NO_COLUMNS = new RecordColumns();

/**
 * What one poll has brought, partition by partition; batches are decoded when they are reached, into
 * columns that the next batch uses again.
 *
 * Owns: the place in the bytes. Called by: the reader and its emitter, in the operator's loop.
 * Invariants: `columns` and `index` are the next record whenever `hasRecord` has said true; each part is
 * given back once.
 */
export class KafkaFetch implements RecordsWithSplitIds<RecordPlace> {
  columns: RecordColumns = NO_COLUMNS;
  /** Of the next record in `columns`. */
  index = 0;
  #part: PartitionRecords | undefined;
  readonly #parts: readonly PartitionRecords[];
  readonly #finished: ReadonlySet<string>;
  readonly #options: DecodeOptions;
  /** What every fetch of a split reader decodes into, one after another. */
  readonly #columns: RecordColumns;
  readonly #place: RecordPlace;
  readonly #release: (part: PartitionRecords) => void;
  #reader: RecordBatchReader | undefined;
  #nextPart = 0;
  #released = 0;

  constructor(
    parts: readonly PartitionRecords[],
    finished: ReadonlySet<string>,
    options: DecodeOptions,
    reuse: { readonly columns: RecordColumns; readonly place: RecordPlace },
    release: (part: PartitionRecords) => void,
  ) {
    this.#parts = parts;
    this.#finished = finished;
    this.#options = options;
    this.#columns = reuse.columns;
    this.#place = reuse.place;
    this.#release = release;
  }

  /** Of the current split. */
  get part(): PartitionRecords | undefined {
    return this.#part;
  }

  nextSplit(): string | null {
    this.#releaseTo(this.#nextPart);
    const part = this.#parts[this.#nextPart++];
    this.#part = part;
    this.columns = NO_COLUMNS;
    this.index = 0;
    if (part === undefined) {
      this.#reader = undefined;
      return null;
    }
    this.#place.topic = part.topic;
    this.#place.partition = part.partition;
    this.#reader = readerOf(part, this.#options);
    return part.splitId;
  }

  /** Moves to the next batch when this one has been read; false: the split has no more. Throws BAD_RECORD. */
  hasRecord(): boolean {
    while (this.index >= this.columns.count) {
      const columns = this.#reader?.nextColumns(this.#columns);
      if (columns === undefined) {
        this.columns = NO_COLUMNS;
        this.index = 0;
        this.#reader = undefined;
        return false;
      }
      this.columns = columns;
      this.index = 0;
    }
    return true;
  }

  nextRecordFromSplit(): RecordPlace | null {
    if (!this.hasRecord()) return null;
    this.#place.columns = this.columns;
    this.#place.index = this.index++;
    return this.#place;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#finished;
  }

  recycle(): void {
    this.#releaseTo(this.#parts.length);
  }

  #releaseTo(end: number): void {
    while (this.#released < end) {
      const part = this.#parts[this.#released++];
      if (part !== undefined) this.#release(part);
    }
  }
}

/** Reads what has arrived of one partition; undefined: no records have. */
export function readerOf(
  { topic, partition, fetched, uncompressed, from, until }: PartitionRecords,
  options: DecodeOptions,
): RecordBatchReader | undefined {
  if (fetched?.records === undefined) return undefined;
  return new RecordBatchReader(fetched.records, {
    ...options,
    partition: `${topic}-${partition}`,
    from,
    ...(until === undefined ? {} : { until }),
    abortedTransactions: fetched.abortedTransactions,
    uncompressed,
  });
}
