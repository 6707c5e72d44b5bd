import type { SourceSplit } from "../api/source-split.js";
import type { RecordsWithSplitIds } from "../api/split-reader.js";
import { illegalState } from "../errors/index.js";

const NO_SPLITS: ReadonlySet<string> = new Set();

/** A fetched batch that holds its records in arrays (Flink `RecordsBySplits`); read once, in the operator's loop. */
export class RecordsBySplits<E> implements RecordsWithSplitIds<E> {
  readonly #splits: readonly (readonly [string, readonly E[]])[];
  readonly #finishedSplits: ReadonlySet<string>;
  #nextSplit = 0;
  #records: readonly E[] | undefined;
  #nextRecord = 0;

  constructor(
    recordsBySplit: ReadonlyMap<string, readonly E[]>,
    finishedSplits: ReadonlySet<string> = NO_SPLITS,
  ) {
    this.#splits = [...recordsBySplit];
    this.#finishedSplits = finishedSplits;
  }

  /** The usual way to make one. */
  static builder<E>(): RecordsBySplitsBuilder<E> {
    return new RecordsBySplitsBuilder();
  }

  nextSplit(): string | null {
    const next = this.#splits[this.#nextSplit++];
    if (next === undefined) return null;
    this.#records = next[1];
    this.#nextRecord = 0;
    return next[0];
  }

  /** Throws ILLEGAL_STATE before the first `nextSplit`. */
  nextRecordFromSplit(): E | null {
    const records = this.#records;
    if (records === undefined) throw illegalState("nextRecordFromSplit before nextSplit");
    return this.#nextRecord < records.length ? (records[this.#nextRecord++] as E) : null;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#finishedSplits;
  }
}

/** Collects a batch; splits come out in the order in which they first got a record. */
export class RecordsBySplitsBuilder<E> {
  readonly #recordsBySplit = new Map<string, E[]>();
  readonly #finishedSplits = new Set<string>();

  add(split: string | SourceSplit, record: E): this {
    this.#recordsOf(split).push(record);
    return this;
  }

  addAll(split: string | SourceSplit, records: Iterable<E>): this {
    const all = this.#recordsOf(split);
    for (const record of records) all.push(record);
    return this;
  }

  addFinishedSplit(splitId: string): this {
    this.#finishedSplits.add(splitId);
    return this;
  }

  addFinishedSplits(splitIds: Iterable<string>): this {
    for (const splitId of splitIds) this.#finishedSplits.add(splitId);
    return this;
  }

  build(): RecordsBySplits<E> {
    return new RecordsBySplits(this.#recordsBySplit, this.#finishedSplits);
  }

  #recordsOf(split: string | SourceSplit): E[] {
    const splitId = typeof split === "string" ? split : split.splitId;
    let records = this.#recordsBySplit.get(splitId);
    if (records === undefined) {
      records = [];
      this.#recordsBySplit.set(splitId, records);
    }
    return records;
  }
}
