import type { PollBudget, SourceOutput } from "./source-reader.js";
import type { SourceSplit } from "./source-split.js";

/** Splits that were given to, or taken from, a split reader (Flink `SplitsAddition`, `SplitsRemoval`). */
export interface SplitsChange<SplitT> {
  readonly type: "ADDITION" | "REMOVAL";
  readonly splits: readonly SplitT[];
}

/**
 * A batch of records, grouped by split, on its way from a fetcher to the reader (Flink
 * `RecordsWithSplitIds`). Read once, from front to back, in the operator's loop.
 */
export interface RecordsWithSplitIds<E> {
  /** Moves to the next split and says its id; null: no more. */
  nextSplit(): string | null;
  /** The next record of the current split; null: no more of this split. */
  nextRecordFromSplit(): E | null;
  /** The splits that end with this batch. */
  finishedSplits(): ReadonlySet<string>;
  /** The batch has been read: its buffers may be used again. */
  recycle?(): void;
}

/**
 * Reads batches from an external system (Flink `SplitReader`); driven by one split fetcher, one call
 * at a time.
 */
export interface SplitReader<E, SplitT extends SourceSplit> {
  /**
   * The next batch; it may be empty. After `wakeUp` it returns soon, with what it has. What it has
   * read and not returned comes with the next fetch.
   */
  fetch(): RecordsWithSplitIds<E> | Promise<RecordsWithSplitIds<E>>;
  handleSplitsChanges(change: SplitsChange<SplitT>): void;
  /** Ends a waiting fetch; may be called at any time. */
  wakeUp(): void;
  /** Absent: single splits cannot be paused. */
  pauseOrResumeSplits?(toPause: readonly SplitT[], toResume: readonly SplitT[]): void;
  close(): void | Promise<void>;
}

/** Turns a fetched element into output and moves the split's state past it (Flink `RecordEmitter`). */
export interface RecordEmitter<E, T, SplitStateT> {
  emitRecord(element: E, output: SourceOutput<T>, splitState: SplitStateT): void;
  /**
   * Emits what comes next in the current split of the fetch, within the budget, and moves the split's
   * state past it; says how many records. 0: the next one goes through `emitRecord`. Optional: for
   * fetches whose records can be emitted in a run.
   */
  emitSome?(
    fetch: RecordsWithSplitIds<E>,
    output: SourceOutput<T>,
    splitState: SplitStateT,
    budget: PollBudget,
  ): number;
}

/** Says that a record ends its split; that record is not emitted (Flink `RecordEvaluator`). */
export type RecordEvaluator<T> = (record: T) => boolean;
