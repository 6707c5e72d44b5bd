import type { MetricGroup } from "../api/metrics.js";
import type { SerializedSplits } from "../api/operator-event.js";
import type { SourceEvent } from "../api/source-event.js";
import type { SimpleVersionedSerializer, SourceSplit } from "../api/source-split.js";
import type {
  ReaderInfo,
  SplitEnumeratorContext,
  SplitsAssignment,
} from "../api/split-enumerator.js";
import { checkState, illegalArgument, illegalState } from "../errors/index.js";
import { type JobLog, splitFields } from "../logging/index.js";
import { deserializeSplits, serializeSplits } from "../serde/split-serde.js";
import type { AsyncCallHandler, AsyncCallSchedule, AsyncCalls } from "./async-calls.js";
import type { CoordinatorState } from "./coordinator-state.js";
import type { SplitAssignmentTracker } from "./split-assignment-tracker.js";
import type { SubtaskGateways } from "./subtask-gateways.js";

/** What a coordinator's context works with; all of it belongs to the same loop. */
export interface SourceCoordinatorContextParts<SplitT extends SourceSplit> {
  readonly source: string;
  readonly splitSerializer: SimpleVersionedSerializer<SplitT>;
  readonly concurrentAttempts: boolean;
  readonly metricGroup: MetricGroup;
  readonly log?: JobLog | undefined;
  readonly state: CoordinatorState;
  readonly gateways: SubtaskGateways;
  readonly tracker: SplitAssignmentTracker<SplitT>;
  readonly asyncCalls: AsyncCalls;
  /** Runs the action in a later event of the loop; its error fails the job. */
  readonly runInLoop: (action: () => void) => void;
}

/**
 * Owns: the splits that readers reported when they registered. Called by: the enumerator, its
 * coordinator; in the coordinator's loop. Invariants: an assignment is recorded before it is sent,
 * and neither happens when one of its subtasks has no registered reader.
 *
 * What an enumerator may do (Flink `SourceCoordinatorContext`).
 */
export class SourceCoordinatorContext<SplitT extends SourceSplit>
  implements SplitEnumeratorContext<SplitT>
{
  readonly metricGroup: MetricGroup;
  readonly #parts: SourceCoordinatorContextParts<SplitT>;
  /** Subtask → attempt → splits, only where there are any (FLIP-537). */
  readonly #reportedSplits = new Map<number, Map<number, readonly SplitT[]>>();

  constructor(parts: SourceCoordinatorContextParts<SplitT>) {
    this.#parts = parts;
    this.metricGroup = parts.metricGroup.group("enumerator");
  }

  get currentParallelism(): number {
    return this.#parts.state.context.parallelism;
  }

  registeredReaders(): ReadonlyMap<number, ReaderInfo<SplitT>> {
    const result = new Map<number, ReaderInfo<SplitT>>();
    for (const [subtask, readers] of this.registeredReadersOfAttempts()) {
      const earliest = readers.get(Math.min(...readers.keys()));
      if (earliest !== undefined) result.set(subtask, earliest);
    }
    return result;
  }

  registeredReadersOfAttempts(): ReadonlyMap<number, ReadonlyMap<number, ReaderInfo<SplitT>>> {
    const result = new Map<number, Map<number, ReaderInfo<SplitT>>>();
    for (const [key, readers] of Object.entries(this.#parts.state.context.readers)) {
      const subtaskId = Number(key);
      const attempts = new Map<number, ReaderInfo<SplitT>>();
      for (const [attempt, location] of Object.entries(readers)) {
        const reportedSplitsOnRegistration =
          this.#reportedSplits.get(subtaskId)?.get(Number(attempt)) ?? [];
        attempts.set(Number(attempt), { subtaskId, location, reportedSplitsOnRegistration });
      }
      result.set(subtaskId, attempts);
    }
    return result;
  }

  assignSplits(assignment: SplitsAssignment<SplitT>): void {
    this.#checkOpen();
    const { state, tracker } = this.#parts;
    for (const [subtask, splits] of assignment) {
      if (state.context.readers[subtask] === undefined) {
        const ids = splits.map((split) => split.splitId).join(", ");
        throw illegalArgument(
          `Cannot assign splits [${ids}] to subtask ${subtask} because the subtask is not registered.`,
        );
      }
    }
    tracker.recordSplitAssignment(assignment);
    for (const [subtask, splits] of assignment) {
      for (const attempt of this.#registeredAttempts(subtask)) {
        this.#sendSplits(subtask, attempt, splits);
      }
      this.#logSplits("splits assigned", subtask, splits);
    }
  }

  assignSplit(split: SplitT, subtaskId: number): void {
    this.assignSplits(new Map([[subtaskId, [split]]]));
  }

  signalNoMoreSplits(subtaskId: number): void {
    this.#checkOpen();
    this.#parts.state.apply({ type: "NoMoreSplitsSignalled", subtask: subtaskId });
  }

  signalIntermediateNoMoreSplits(subtaskId: number): void {
    this.#checkOpen();
    this.#parts.state.checkSubtaskIndex(subtaskId);
    this.sendNoMoreSplits(subtaskId);
  }

  sendEventToSourceReader(subtaskId: number, event: SourceEvent): void {
    this.#checkOpen();
    checkState(
      !this.#parts.concurrentAttempts,
      "With concurrent attempts an enumerator must use sendEventToSourceReaderAttempt, which says to which attempt its event goes.",
    );
    this.#parts.gateways.sendToOnlyAttempt(subtaskId, { type: "SourceEventWrapper", event });
  }

  sendEventToSourceReaderAttempt(subtaskId: number, attempt: number, event: SourceEvent): void {
    this.#checkOpen();
    this.#parts.gateways.sendToAttempt(subtaskId, attempt, { type: "SourceEventWrapper", event });
  }

  callAsync<T>(
    callable: (signal: AbortSignal) => T | Promise<T>,
    handler: AsyncCallHandler<T>,
    schedule?: AsyncCallSchedule,
  ): void {
    this.#parts.asyncCalls.call(callable, handler, schedule);
  }

  runInCoordinatorLoop(action: () => void): void {
    this.#parts.runInLoop(action);
  }

  setIsProcessingBacklog(isProcessingBacklog: boolean): void {
    this.#parts.state.apply({ type: "BacklogSet", isProcessingBacklog });
  }

  // What only the coordinator calls.

  /**
   * Registers a reader with the splits it brings; throws SERIALIZER_FAILED when they are
   * unreadable.
   */
  registerReader(
    subtask: number,
    attempt: number,
    location: string,
    reported: SerializedSplits,
  ): void {
    const { source, splitSerializer, state } = this.#parts;
    const splits = deserializeSplits(splitSerializer, reported, source);
    // A registration that is refused must not change what the registered reader has reported.
    const isNew = state.context.readers[subtask]?.[attempt] === undefined;
    if (isNew && splits.length > 0) {
      const ofSubtask = this.#reportedSplits.get(subtask) ?? new Map();
      this.#reportedSplits.set(subtask, ofSubtask.set(attempt, splits));
    }
    state.apply({ type: "ReaderRegistered", subtask, attempt, location });
  }

  attemptFailed(subtask: number, attempt: number): void {
    this.#reportedSplits.get(subtask)?.delete(attempt);
    this.#parts.state.apply({ type: "AttemptFailed", subtask, attempt });
  }

  subtaskReset(subtask: number, checkpointId: number): void {
    this.#reportedSplits.delete(subtask);
    this.#parts.state.apply({ type: "SubtaskReset", subtask, checkpointId });
  }

  /** The splits go back to the enumerator. */
  splitsReturned(subtask: number, splits: readonly SplitT[]): void {
    this.#logSplits("splits returned", subtask, splits);
  }

  hasNoMoreSplits(subtask: number): boolean {
    this.#parts.state.checkSubtaskIndex(subtask);
    return this.#parts.state.context.noMoreSplits[subtask] === true;
  }

  /** A further attempt of a subtask gets what the attempts before it got. */
  resendSplits(subtask: number, attempt: number): void {
    const { concurrentAttempts, tracker } = this.#parts;
    const assigned = tracker.uncheckpointedAssignments.get(subtask);
    if (assigned !== undefined) {
      // One attempt at a time: whoever registers anew has been reset, and its splits went back.
      checkState(concurrentAttempts, "No cached split is expected.");
      this.#sendSplits(subtask, attempt, [...assigned.values()]);
    }
    if (concurrentAttempts && this.hasNoMoreSplits(subtask)) {
      this.#parts.gateways.sendToAttempt(subtask, attempt, { type: "NoMoreSplits" });
    }
  }

  sendNoMoreSplits(subtask: number): void {
    for (const attempt of this.#registeredAttempts(subtask)) {
      this.#parts.gateways.sendToAttempt(subtask, attempt, { type: "NoMoreSplits" });
    }
  }

  sendBacklog(isProcessingBacklog: boolean): void {
    for (let subtask = 0; subtask < this.currentParallelism; subtask++) {
      this.#parts.gateways.sendIfReady(subtask, {
        type: "IsProcessingBacklog",
        isProcessingBacklog,
      });
    }
  }

  #sendSplits(subtask: number, attempt: number, splits: readonly SplitT[]): void {
    if (splits.length === 0) return;
    const { gateways, source, splitSerializer } = this.#parts;
    gateways.sendToAttempt(subtask, attempt, {
      type: "AddSplit",
      splits: serializeSplits(splitSerializer, splits, source),
    });
  }

  #logSplits(message: string, subtask: number, splits: readonly SplitT[]): void {
    if (splits.length === 0) return;
    this.#parts.log?.write("info", message, {
      subtask,
      ...splitFields(splits.map(({ splitId }) => splitId)),
    });
  }

  #registeredAttempts(subtask: number): number[] {
    const readers = this.#parts.state.context.readers[subtask];
    if (readers === undefined) throw illegalState(`Subtask ${subtask} has no registered reader.`);
    return Object.keys(readers).map(Number);
  }

  #checkOpen(): void {
    if (this.#parts.state.isClosed) {
      throw illegalState(`the coordinator of source ${this.#parts.source} is closed`);
    }
  }
}
