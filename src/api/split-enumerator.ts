import type { MetricGroup } from "./metrics.js";
import type { SourceEvent } from "./source-event.js";
import type { SourceSplit } from "./source-split.js";

/** Splits by subtask (Flink `SplitsAssignment`). */
export type SplitsAssignment<SplitT> = ReadonlyMap<number, readonly SplitT[]>;

/** A registered reader (Flink `ReaderInfo`). */
export interface ReaderInfo<SplitT = SourceSplit> {
  readonly subtaskId: number;
  readonly location: string;
  /** The splits that the reader held after recovery; only with split reassignment on recovery. */
  readonly reportedSplitsOnRegistration: readonly SplitT[];
}

/**
 * Discovers splits and decides who reads them (FLIP-27 `SplitEnumerator`).
 *
 * Every method is called in the coordinator's loop, one at a time. Blocking or asynchronous work
 * goes through `context.callAsync`, whose handler runs in the same loop. A throw fails the job over.
 */
export interface SplitEnumerator<SplitT extends SourceSplit, EnumChkT> {
  start(): void;
  handleSplitRequest(subtaskId: number, requesterHostname: string | undefined): void;
  /** Splits that were assigned after the restored checkpoint come back, for whoever reads them next. */
  addSplitsBack(splits: readonly SplitT[], subtaskId: number): void;
  addReader(subtaskId: number): void;
  /** The state to restore from; plain data or anything the enumerator serializer takes. */
  snapshotState(checkpointId: number): EnumChkT;
  handleSourceEvent?(subtaskId: number, event: SourceEvent): void;
  notifyCheckpointComplete?(checkpointId: number): void;
  notifyCheckpointAborted?(checkpointId: number): void;
  close(): void | Promise<void>;
}

/** What an enumerator may do (Flink `SplitEnumeratorContext`); call it in the coordinator's loop. */
export interface SplitEnumeratorContext<SplitT extends SourceSplit> {
  readonly currentParallelism: number;
  readonly metricGroup: MetricGroup;
  /** Subtask → its reader; with concurrent attempts, that of the earliest attempt. */
  registeredReaders(): ReadonlyMap<number, ReaderInfo<SplitT>>;
  /** Subtask → attempt → reader. */
  registeredReadersOfAttempts(): ReadonlyMap<number, ReadonlyMap<number, ReaderInfo<SplitT>>>;
  /** Throws, and records nothing, when a subtask of the assignment is not registered. */
  assignSplits(assignment: SplitsAssignment<SplitT>): void;
  assignSplit(split: SplitT, subtaskId: number): void;
  /** The subtask gets no further split: its reader may end. */
  signalNoMoreSplits(subtaskId: number): void;
  /** No further split for this phase (FLIP-27 `SupportsIntermediateNoMoreSplits`): requests are still answered. */
  signalIntermediateNoMoreSplits(subtaskId: number): void;
  sendEventToSourceReader(subtaskId: number, event: SourceEvent): void;
  /** For concurrent execution attempts. */
  sendEventToSourceReaderAttempt(subtaskId: number, attempt: number, event: SourceEvent): void;
  /**
   * Runs `callable` outside the loop and hands its result or error to `handler` in the loop.
   *
   * With `period` (milliseconds) it is called again at a fixed rate from `initialDelay` on; a call
   * that is still under way when the next is due lets that one wait, never two at once.
   */
  callAsync<T>(
    callable: (signal: AbortSignal) => T | Promise<T>,
    handler: (result: T | undefined, error: unknown) => void,
    schedule?: { readonly initialDelay: number; readonly period: number },
  ): void;
  runInCoordinatorLoop(action: () => void): void;
  /** Tells readers and the checkpoint coordinator that old data is being caught up with (FLIP-309). */
  setIsProcessingBacklog(isProcessingBacklog: boolean): void;
}
