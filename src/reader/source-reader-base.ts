import type { InputStatus } from "../api/boundedness.js";
import type { SourceEvent } from "../api/source-event.js";
import type {
  ReaderOutput,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
} from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import type { RecordEmitter, RecordEvaluator, RecordsWithSplitIds } from "../api/split-reader.js";
import { HeadwaterError, illegalState } from "../errors/index.js";
import { AVAILABLE, type Availability } from "../mailbox/availability.js";
import type { ElementQueue } from "./element-queue.js";
import type { RateLimiter, RateLimiterStrategy } from "./rate-limiter.js";
import { CountingOutput, EndingOutput, type SplitContext } from "./split-context.js";
import type { SplitFetcherManager } from "./split-fetcher-manager.js";

/** What a reader on fetchers is made of. */
export interface SourceReaderBaseOptions<E, T, SplitT extends SourceSplit, SplitStateT> {
  readonly context: SourceReaderContext;
  readonly fetcherManager: SplitFetcherManager<E, SplitT>;
  readonly recordEmitter: RecordEmitter<E, T, SplitStateT>;
  /** True for a record that ends its split; that record is not emitted. */
  readonly eofRecordEvaluator?: RecordEvaluator<T>;
  readonly rateLimiterStrategy?: RateLimiterStrategy<SplitT>;
}

/**
 * Reads splits through fetchers (Flink `SourceReaderBase`): a connector gives a split reader, a
 * record emitter and the two conversions between a split and its mutable state.
 *
 * Owns: the state of each split and the batch being read. Called by: the operator's loop.
 * Invariants: a split's state stands behind its last emitted record; a batch is recycled once, after
 * its last record; END_OF_INPUT only when no fetcher lives and the queue is empty.
 */
export abstract class SourceReaderBase<E, T, SplitT extends SourceSplit, SplitStateT>
  implements SourceReader<T, SplitT>
{
  protected readonly context: SourceReaderContext;
  protected readonly fetcherManager: SplitFetcherManager<E, SplitT>;
  readonly #queue: ElementQueue<RecordsWithSplitIds<E>>;
  readonly #recordEmitter: RecordEmitter<E, T, SplitStateT>;
  readonly #eofRecordEvaluator: RecordEvaluator<T> | undefined;
  readonly #rateLimiter: RateLimiter<SplitT> | undefined;
  readonly #splits = new Map<string, SplitContext<T, SplitStateT>>();
  #permission: Availability = AVAILABLE;
  #fetch: RecordsWithSplitIds<E> | null = null;
  #split: SplitContext<T, SplitStateT> | undefined;
  #output: SourceOutput<T> | undefined;
  #noMoreSplits = false;
  #numRecordsIn = 0;

  constructor(options: SourceReaderBaseOptions<E, T, SplitT, SplitStateT>) {
    this.context = options.context;
    this.fetcherManager = options.fetcherManager;
    this.#queue = options.fetcherManager.queue;
    this.#recordEmitter = options.recordEmitter;
    this.#eofRecordEvaluator = options.eofRecordEvaluator;
    this.#rateLimiter = options.rateLimiterStrategy?.createRateLimiter(
      options.context.currentParallelism,
      options.context.processingTime,
    );
    // Read when a snapshot is taken: a counter would cost a call a record.
    const { metricGroup, lastEmittedTimestamp } = options.context;
    metricGroup.gauge("numRecordsIn", () => this.#numRecordsIn);
    if (lastEmittedTimestamp !== undefined) {
      metricGroup.gauge("currentFetchEventTimeLag", () => {
        const lag = (this.#queue.polledSince ?? Number.NaN) - lastEmittedTimestamp();
        return Number.isFinite(lag) ? lag : -1;
      });
    }
  }

  /** The mutable state of a split that was just added. */
  protected abstract initializedState(split: SplitT): SplitStateT;

  /** The split at the position where its state stands. */
  protected abstract toSplitType(splitId: string, state: SplitStateT): SplitT;

  /** The splits' last records have been emitted; their states are forgotten after this call. */
  protected onSplitFinished(_finishedSplits: ReadonlyMap<string, SplitStateT>): void {}

  start(): void {}

  /** Throws FETCHER_FAILED once a fetcher has failed, READER_FAILED when the record emitter throws. */
  pollNext(output: ReaderOutput<T>): InputStatus {
    const { pollBudget } = this.context;
    let fetch = this.#fetch;
    for (;;) {
      if (fetch === null) {
        fetch = this.#nextFetch(output);
        if (fetch === null) return this.#finishedOrAvailableLater();
      }
      // Flink says MORE_AVAILABLE here and is asked again at once; isAvailable says when.
      if (!this.#permission.isDone) return "NOTHING_AVAILABLE";
      if (this.#emitSome(fetch)) {
        if (pollBudget.remaining > 0) continue;
        return "MORE_AVAILABLE";
      }
      const record = fetch.nextRecordFromSplit();
      if (record !== null) {
        this.#numRecordsIn++;
        this.#emit(record);
        if (--pollBudget.remaining > 0) continue;
        return "MORE_AVAILABLE";
      }
      if (!this.#moveToNextSplit(fetch, output)) fetch = null;
    }
  }

  isAvailable(): Availability {
    return this.#fetch === null ? this.#queue.availability() : this.#permission;
  }

  addSplits(splits: readonly SplitT[]): void {
    for (const split of splits) {
      this.#splits.set(split.splitId, {
        splitId: split.splitId,
        state: this.initializedState(split),
        output: undefined,
        counted: undefined,
      });
    }
    this.fetcherManager.addSplits(splits);
  }

  notifyNoMoreSplits(): void {
    this.#noMoreSplits = true;
    this.#queue.notifyAvailable();
  }

  snapshotState(_checkpointId: number): SplitT[] {
    const splits: SplitT[] = [];
    for (const { splitId, state } of this.#splits.values()) {
      splits.push(this.toSplitType(splitId, state));
    }
    return splits;
  }

  handleSourceEvents(_event: SourceEvent): void {}

  pauseOrResumeSplits(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    this.fetcherManager.pauseOrResumeSplits(splitsToPause, splitsToResume);
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#rateLimiter?.notifyCheckpointComplete?.(checkpointId);
  }

  /** Rejects with FETCHER_FAILED when a fetcher does not end, or fails while it is closed. */
  close(): Promise<void> {
    this.#fetch?.recycle?.();
    this.#fetch = null;
    return this.fetcherManager.close();
  }

  /** The states of those splits, for metrics. */
  protected splitStates(): readonly SplitStateT[] {
    return Array.from(this.#splits.values(), ({ state }) => state);
  }

  /** The splits that were added and have not finished. */
  get numberOfCurrentlyAssignedSplits(): number {
    return this.#splits.size;
  }

  /** Emits a run of records; false when the next one is to be emitted by itself. */
  #emitSome(fetch: RecordsWithSplitIds<E>): boolean {
    const emitter = this.#recordEmitter;
    if (emitter.emitSome === undefined) return false;
    const split = this.#split as SplitContext<T, SplitStateT>;
    try {
      const records = emitter.emitSome(
        fetch,
        this.#output as SourceOutput<T>,
        split.state,
        this.context.pollBudget,
      );
      this.#numRecordsIn += records;
      return records > 0;
    } catch (error) {
      throw this.#emitterFailed(split.splitId, error);
    }
  }

  #emit(record: E): void {
    const split = this.#split as SplitContext<T, SplitStateT>;
    try {
      this.#recordEmitter.emitRecord(record, this.#output as SourceOutput<T>, split.state);
    } catch (error) {
      throw this.#emitterFailed(split.splitId, error);
    }
    if (split.counted !== undefined) {
      const records = split.counted.takeCount();
      if (records > 0) this.#permission = this.#rateLimiter?.acquire(records) ?? AVAILABLE;
    }
  }

  #nextFetch(output: ReaderOutput<T>): RecordsWithSplitIds<E> | null {
    this.fetcherManager.checkErrors();
    const fetch = this.#queue.poll();
    if (fetch === null || !this.#moveToNextSplit(fetch, output)) return null;
    this.#fetch = fetch;
    return fetch;
  }

  #moveToNextSplit(fetch: RecordsWithSplitIds<E>, output: ReaderOutput<T>): boolean {
    const splitId = fetch.nextSplit();
    if (splitId === null) {
      this.#finishFetch(fetch, output);
      return false;
    }
    const split = this.#splits.get(splitId);
    if (split === undefined) {
      throw illegalState(`Have records for a split that was not registered: ${splitId}`);
    }
    this.#split = split;
    this.#rateLimiter?.notifyAddingSplit?.(this.toSplitType(splitId, split.state));
    split.output ??= this.#createOutput(split, output);
    this.#output = split.output;
    return true;
  }

  #createOutput(split: SplitContext<T, SplitStateT>, output: ReaderOutput<T>): SourceOutput<T> {
    let splitOutput = output.createOutputForSplit(split.splitId);
    if (this.#eofRecordEvaluator !== undefined) {
      splitOutput = new EndingOutput(splitOutput, this.#eofRecordEvaluator, () => {
        this.fetcherManager.removeSplits([this.toSplitType(split.splitId, split.state)]);
      });
    }
    if (this.#rateLimiter !== undefined) {
      split.counted = new CountingOutput(splitOutput);
      splitOutput = split.counted;
    }
    return splitOutput;
  }

  #finishFetch(fetch: RecordsWithSplitIds<E>, output: ReaderOutput<T>): void {
    this.#fetch = null;
    this.#split = undefined;
    this.#output = undefined;
    const finished = fetch.finishedSplits();
    if (finished.size > 0) {
      const states = new Map<string, SplitStateT>();
      for (const splitId of finished) {
        const split = this.#splits.get(splitId);
        if (split === undefined) continue;
        states.set(splitId, split.state);
        this.#splits.delete(splitId);
        output.releaseOutputForSplit(splitId);
      }
      this.onSplitFinished(states);
    }
    fetch.recycle?.();
  }

  #finishedOrAvailableLater(): InputStatus {
    const allFetchersHaveShutdown = this.fetcherManager.maybeShutdownFinishedFetchers();
    if (!(this.#noMoreSplits && allFetchersHaveShutdown)) return "NOTHING_AVAILABLE";
    if (!this.#queue.isEmpty) return "MORE_AVAILABLE";
    this.fetcherManager.checkErrors();
    return "END_OF_INPUT";
  }

  #emitterFailed(splitId: string, cause: unknown): HeadwaterError {
    const known = cause instanceof HeadwaterError ? cause : undefined;
    return new HeadwaterError(
      "READER_FAILED",
      `the record emitter failed on a record of split ${JSON.stringify(splitId)}`,
      {
        domain: known?.domain ?? "user",
        retry: known?.retry ?? "backoff",
        scope: "reader",
        ...(known?.hint === undefined ? {} : { hint: known.hint }),
        cause,
      },
    );
  }
}
