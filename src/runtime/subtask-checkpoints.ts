import type { TriggerCheckpoint } from "../api/job-event.js";
import type { Watermark } from "../api/watermark.js";
import type {
  CheckpointAcknowledged,
  CheckpointDeclined,
  OperatorState,
  SubtaskFinished,
  SubtaskState,
} from "../checkpoint/index.js";
import { toErrorInfo } from "../errors/index.js";
import type { Address } from "../mailbox/index.js";
import { FINAL_STATE } from "../stream/index.js";
import { isStateSnapshot, type StateSnapshot } from "../stream/operator-context.js";
import type { SplitSnapshot } from "./split-snapshot.js";
import type { AttemptId } from "./subtask-event.js";

/** What a subtask posts to the checkpoint coordinator about checkpoints. */
export type CheckpointReport = CheckpointAcknowledged | CheckpointDeclined | SubtaskFinished;

interface PendingSnapshot {
  readonly splits: SplitSnapshot;
  readonly watermark: Watermark;
  readonly operators: Record<string, OperatorState>;
  /** Of operators whose state is not bytes yet. */
  readonly snapshots: Map<string, StateSnapshot>;
  /** The barrier has passed the flushed sink. */
  barrierPassed: boolean;
}

/**
 * Owns: the snapshots whose barriers are on their way to the sink, and the subtask's final state.
 * Called by: the subtask's loop.
 * Invariants: a checkpoint is acknowledged only when its barrier has passed the flushed sink and all
 * splits and states are serialized; an aborted one never.
 */
export class SubtaskCheckpoints {
  readonly #id: AttemptId;
  readonly #splitVersion: number;
  readonly #post: (report: CheckpointReport) => void;
  readonly #pending = new Map<number, PendingSnapshot>();
  readonly #finalOperators: Record<string, OperatorState> = {};
  #stop: TriggerCheckpoint | undefined;
  #lastAborted = Number.NEGATIVE_INFINITY;
  #lastAcknowledged = Number.NEGATIVE_INFINITY;

  constructor(id: AttemptId, splitVersion: number, post: (report: CheckpointReport) => void) {
    this.#id = id;
    this.#splitVersion = splitVersion;
    this.#post = post;
  }

  /** The stopping savepoint whose outcome the subtask waits for. */
  get stop(): TriggerCheckpoint | undefined {
    return this.#stop;
  }

  /**
   * Whether the checkpoint was aborted before its barrier came: the abortion comes straight from the
   * checkpoint coordinator, the trigger through the source coordinator.
   */
  isAborted({ checkpointId }: TriggerCheckpoint): boolean {
    return checkpointId <= this.#lastAborted;
  }

  /**
   * Keeps the reader's splits until the barrier has passed, and begins to serialize them. Throws
   * SERIALIZER_FAILED; a later one of many splits that cannot be serialized declines the checkpoint.
   */
  begin(trigger: TriggerCheckpoint, splits: SplitSnapshot, watermark: Watermark): void {
    const { checkpointId } = trigger;
    splits.serializeSome();
    this.#pending.set(checkpointId, {
      splits,
      watermark,
      operators: {},
      snapshots: new Map(),
      barrierPassed: false,
    });
    if (trigger.stop) this.#stop = trigger;
  }

  /** Some splits, or some state of operators, have still to be serialized. */
  get isSerializing(): boolean {
    for (const { splits, snapshots } of this.#pending.values()) {
      if (!splits.isSerialized || snapshots.size > 0) return true;
    }
    return false;
  }

  /** Called before each slice of reading: serializes some more splits and state. */
  serializeSome(): void {
    for (const [checkpointId, { splits, snapshots }] of this.#pending) {
      if (!splits.isSerialized) this.#serializeSome(checkpointId);
      for (const operator of snapshots.keys()) this.#serializeState(checkpointId, operator);
    }
  }

  /**
   * Keeps what an operator had in its state when the barrier, or the end, passed it. Returns what is
   * to be called until it says false when the state is not bytes yet, for a loop that does not read
   * now; throws what serializing throws.
   */
  operatorSnapshot(
    checkpointId: number,
    operator: string,
    state: OperatorState | StateSnapshot,
  ): (() => boolean) | undefined {
    const pending = this.#pending.get(checkpointId);
    if (checkpointId === FINAL_STATE) {
      this.#finalOperators[operator] = isStateSnapshot(state) ? serializeAll(state) : state;
    } else if (!isStateSnapshot(state)) {
      if (pending !== undefined) pending.operators[operator] = state;
    } else if (pending === undefined) {
      state.cancel();
    } else {
      state.serializeSome();
      pending.snapshots.set(operator, state);
      if (this.#gather(pending)) return undefined;
      return () => this.#serializeState(checkpointId, operator);
    }
    return undefined;
  }

  /** The barrier has passed everything: the checkpoint has this subtask's state. */
  acknowledge(checkpointId: number): void {
    const snapshot = this.#pending.get(checkpointId);
    if (snapshot === undefined) return;
    snapshot.barrierPassed = true;
    this.#acknowledgeIfWhole(checkpointId, snapshot);
  }

  /** The subtask's state could not be taken; its barrier, if it is out already, acknowledges nothing. */
  decline(checkpointId: number, error: unknown): void {
    this.#forget(checkpointId);
    this.#post({
      type: "CheckpointDeclined",
      ...this.#id,
      checkpointId,
      error: toErrorInfo(error),
    });
  }

  /** Forgets the checkpoint; returns the stopping savepoint if it was that one. */
  abort(checkpointId: number): TriggerCheckpoint | undefined {
    this.#forget(checkpointId);
    this.#lastAborted = Math.max(this.#lastAborted, checkpointId);
    const stop = this.#stop;
    if (stop?.checkpointId !== checkpointId) return undefined;
    this.#stop = undefined;
    return stop;
  }

  /** Whether a complete checkpoint holds the final state: it was not acknowledged at a barrier. */
  holdsFinalState(checkpointId: number): boolean {
    return checkpointId > this.#lastAcknowledged;
  }

  /**
   * Everything is read and written: this state stands for the subtask in all later checkpoints. With
   * `awaits` the subtask waits there for one of them.
   */
  finish(awaits?: Address): SubtaskState {
    // What is complete but for its bytes was before the end.
    for (const checkpointId of [...this.#pending.keys()]) this.#serializeSome(checkpointId, true);
    const state: SubtaskState = {
      finished: true,
      splits: { version: this.#splitVersion, splits: [] },
      operators: { ...this.#finalOperators },
    };
    this.#post({
      type: "SubtaskFinished",
      ...this.#id,
      state,
      ...(awaits !== undefined && { awaits }),
    });
    return state;
  }

  /** Whether there is more to serialize of the operator's state. */
  #serializeState(checkpointId: number, operator: string): boolean {
    const snapshot = this.#pending.get(checkpointId);
    const state = snapshot?.snapshots.get(operator);
    // Aborted or declined meanwhile, or serialized in full by the end of the input.
    if (snapshot === undefined || state === undefined) return false;
    try {
      state.serializeSome();
    } catch (error) {
      this.decline(checkpointId, error);
      return false;
    }
    if (!state.isSerialized) return true;
    this.#acknowledgeIfWhole(checkpointId, snapshot);
    return false;
  }

  #serializeSome(checkpointId: number, all = false): void {
    const snapshot = this.#pending.get(checkpointId);
    // Aborted meanwhile.
    if (snapshot === undefined) return;
    try {
      do snapshot.splits.serializeSome();
      while (all && !snapshot.splits.isSerialized);
      if (all) for (const state of snapshot.snapshots.values()) serializeAll(state);
    } catch (error) {
      this.decline(checkpointId, error);
      return;
    }
    this.#acknowledgeIfWhole(checkpointId, snapshot);
  }

  /** Takes the bytes of the states that have become bytes; whether all have. */
  #gather({ operators, snapshots }: PendingSnapshot): boolean {
    for (const [operator, state] of snapshots) {
      if (!state.isSerialized) continue;
      operators[operator] = { version: state.version, bytes: state.bytes };
      snapshots.delete(operator);
    }
    return snapshots.size === 0;
  }

  #forget(checkpointId: number): void {
    for (const state of this.#pending.get(checkpointId)?.snapshots.values() ?? []) state.cancel();
    this.#pending.delete(checkpointId);
  }

  #acknowledgeIfWhole(checkpointId: number, snapshot: PendingSnapshot): void {
    const { barrierPassed, operators, splits, watermark } = snapshot;
    if (!this.#gather(snapshot) || !barrierPassed || !splits.isSerialized) return;
    this.#pending.delete(checkpointId);
    this.#lastAcknowledged = checkpointId;
    const { serialized } = splits;
    const state: SubtaskState = { finished: false, splits: serialized, operators, watermark };
    this.#post({ type: "CheckpointAcknowledged", ...this.#id, checkpointId, state });
  }
}

function serializeAll(state: StateSnapshot): OperatorState {
  while (!state.isSerialized) state.serializeSome();
  return { version: state.version, bytes: state.bytes };
}
