import type { InputStatus } from "../api/boundedness.js";
import type {
  PollBudget,
  ReaderOutput,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
  SplitIterator,
} from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import { HeadwaterError } from "../errors/index.js";
import { type Availability, AvailabilityFuture } from "../mailbox/availability.js";

interface IteratedSplit<T, SplitT, IterT> {
  readonly split: SplitT;
  iterator: IterT | undefined;
  output: SourceOutput<T> | undefined;
}

/**
 * Reads splits one after another from iterators, in the operator's loop: for sources that make or
 * hold their records themselves and need no fetcher (Flink `IteratorSourceReaderBase`).
 *
 * It asks for a split when it has none. A paused split is put aside, at its position, and the next
 * one that is not paused goes on (FLIP-217), so that alignment works with one reader for all.
 *
 * Owns: its splits and their iterators. Called by: the operator's loop.
 * Invariants: at most one split is read at a time; a split is known until its last record is out.
 */
export abstract class IteratorSourceReader<
  E,
  T,
  SplitT extends SourceSplit,
  IterT extends SplitIterator<E> = SplitIterator<E>,
> implements SourceReader<T, SplitT>
{
  protected readonly context: SourceReaderContext;
  #current: IteratedSplit<T, SplitT, IterT> | undefined;
  #remaining: IteratedSplit<T, SplitT, IterT>[] = [];
  readonly #paused = new Set<string>();
  #noMoreSplits = false;
  #availability = new AvailabilityFuture();
  #numRecordsIn = 0;

  constructor(context: SourceReaderContext) {
    this.context = context;
    context.metricGroup.gauge("numRecordsIn", () => this.#numRecordsIn);
  }

  /** An iterator from the split's position on. */
  protected abstract createIterator(split: SplitT): IterT;

  /** The split at the position that its iterator has reached. */
  protected abstract splitAt(split: SplitT, iterator: IterT): SplitT;

  /** Emits one element, for example `output.collect(element, timestamp)`. */
  protected abstract emit(element: E, output: SourceOutput<T>): void;

  /**
   * Emits the iterator's next element, which there is, and those behind it while the budget lasts;
   * says how many.
   */
  protected emitSome(iterator: IterT, output: SourceOutput<T>, budget: PollBudget): number {
    const atMost = budget.remaining;
    let records = 0;
    do {
      this.emit(iterator.next(), output);
      records++;
    } while (records < atMost && budget.remaining > 0 && iterator.hasNext());
    budget.remaining = Math.max(0, budget.remaining - records);
    return records;
  }

  start(): void {
    if (this.#remaining.length === 0) this.context.sendSplitRequest();
  }

  /** Throws READER_FAILED naming the split when its iterator or `emit` throws. */
  pollNext(output: ReaderOutput<T>): InputStatus {
    for (;;) {
      const current = this.#current;
      if (current === undefined) {
        if (!this.#moveToNextSplit()) return this.#finishedOrAvailableLater();
        continue;
      }
      if (this.#emitSome(current, output)) return "MORE_AVAILABLE";
      this.#finishSplit(current, output);
    }
  }

  isAvailable(): Availability {
    return this.#availability;
  }

  addSplits(splits: readonly SplitT[]): void {
    for (const split of splits) {
      this.#remaining.push({ split, iterator: undefined, output: undefined });
    }
    this.#availability.complete();
  }

  notifyNoMoreSplits(): void {
    this.#noMoreSplits = true;
    this.#availability.complete();
  }

  snapshotState(_checkpointId: number): SplitT[] {
    const splits: SplitT[] = [];
    for (const { split, iterator } of this.#splits()) {
      if (iterator === undefined) splits.push(split);
      else if (iterator.hasNext()) splits.push(this.splitAt(split, iterator));
    }
    return splits;
  }

  pauseOrResumeSplits(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    for (const splitId of splitsToPause) this.#paused.add(splitId);
    for (const splitId of splitsToResume) this.#paused.delete(splitId);
    const current = this.#current;
    if (current !== undefined && this.#paused.has(current.split.splitId)) {
      this.#current = undefined;
      // It may be emitting just now.
      this.context.pollBudget.remaining = 0;
      // First in line: it goes on before splits that have not been started.
      this.#remaining.unshift(current);
    }
    this.#availability.complete();
  }

  close(): void {}

  #splits(): IteratedSplit<T, SplitT, IterT>[] {
    return this.#current === undefined ? this.#remaining : [this.#current, ...this.#remaining];
  }

  /** Emits records of the split, as many as one poll may; false at its end. */
  #emitSome(current: IteratedSplit<T, SplitT, IterT>, output: ReaderOutput<T>): boolean {
    try {
      current.iterator ??= this.createIterator(current.split);
      if (!current.iterator.hasNext()) return false;
      current.output ??= output.createOutputForSplit(current.split.splitId);
      this.#numRecordsIn += this.emitSome(
        current.iterator,
        current.output,
        this.context.pollBudget,
      );
    } catch (error) {
      throw iterationFailed(current.split.splitId, error);
    }
    return true;
  }

  #finishSplit(current: IteratedSplit<T, SplitT, IterT>, output: ReaderOutput<T>): void {
    const { splitId } = current.split;
    this.#current = undefined;
    this.#paused.delete(splitId);
    output.releaseOutputForSplit(splitId);
    // Only here: a reader without a split asks once, not at every poll.
    if (this.#remaining.length === 0 && !this.#noMoreSplits) this.context.sendSplitRequest();
  }

  #moveToNextSplit(): boolean {
    const next = this.#remaining.findIndex(({ split }) => !this.#paused.has(split.splitId));
    if (next < 0) return false;
    [this.#current] = this.#remaining.splice(next, 1);
    return true;
  }

  #finishedOrAvailableLater(): InputStatus {
    if (this.#noMoreSplits && this.#remaining.length === 0) return "END_OF_INPUT";
    if (this.#availability.isDone) this.#availability = new AvailabilityFuture();
    return "NOTHING_AVAILABLE";
  }
}

function iterationFailed(splitId: string, cause: unknown): HeadwaterError {
  const known = cause instanceof HeadwaterError ? cause : undefined;
  return new HeadwaterError("READER_FAILED", `reading split ${JSON.stringify(splitId)} failed`, {
    domain: known?.domain ?? "user",
    retry: known?.retry ?? "backoff",
    scope: "reader",
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
    cause,
  });
}
