import type { ErrorInfo } from "../errors/error-info.js";
import type { OperatorToCoordinatorEvent } from "./operator-event.js";

/** An operator's event on its way to the coordinator, with who sent it. */
export interface OperatorEventMessage {
  readonly type: "OperatorEvent";
  readonly subtask: number;
  readonly attempt: number;
  readonly event: OperatorToCoordinatorEvent;
}

/**
 * Takes a checkpoint's cut: job's checkpoint coordinator → source coordinator, which snapshots its
 * enumerator and then sends the same event to its operators on the channel that also carries the
 * splits. So a split assigned before the snapshot arrives before the barrier, and a later one after.
 */
export interface TriggerCheckpoint {
  readonly type: "TriggerCheckpoint";
  readonly checkpointId: number;
  /** A savepoint that ends the job: operators emit nothing after the barrier. */
  readonly stop: boolean;
  /** With `stop`: emit the maximum watermark before the barrier. */
  readonly drain: boolean;
  /** To a source coordinator, by subtask: the attempt that has to take part; -1: none. */
  readonly attempts?: readonly number[];
}

/** The checkpoint is durable: sources may acknowledge outside what it covers. */
export interface CheckpointCompleted {
  readonly type: "CheckpointCompleted";
  readonly checkpointId: number;
}

/** The checkpoint will never complete. */
export interface CheckpointAborted {
  readonly type: "CheckpointAborted";
  readonly checkpointId: number;
}

/** A source coordinator has snapshotted its enumerator. */
export interface CoordinatorAcknowledged {
  readonly type: "CoordinatorAcknowledged";
  readonly checkpointId: number;
  readonly pipeline: string;
  readonly state: Uint8Array;
}

/** A source coordinator could not snapshot its enumerator: the checkpoint is aborted. */
export interface CoordinatorDeclined {
  readonly type: "CoordinatorDeclined";
  readonly checkpointId: number;
  readonly pipeline: string;
  readonly error: ErrorInfo;
}

/** An attempt of a subtask can receive events at `address` (Flink `executionAttemptReady`). */
export interface AttemptReady {
  readonly type: "AttemptReady";
  readonly subtask: number;
  readonly attempt: number;
  readonly address: string;
}

/** An attempt has ended with an error (Flink `executionAttemptFailed`). */
export interface AttemptFailed {
  readonly type: "AttemptFailed";
  readonly subtask: number;
  readonly attempt: number;
}

/** A subtask is going back to a checkpoint; -1: to its very start (Flink `subtaskReset`). */
export interface SubtaskReset {
  readonly type: "SubtaskReset";
  readonly subtask: number;
  readonly checkpointId: number;
  /** The attempt that starts now; without it, the one after the latest. */
  readonly attempt?: number;
}

/** The source coordinator cannot go on: the job fails over as a whole. */
export interface CoordinatorFailed {
  readonly type: "CoordinatorFailed";
  readonly pipeline: string;
  readonly error: ErrorInfo;
}

/** The source catches up, or has caught up; the checkpoint coordinator may take another interval. */
export interface BacklogChanged {
  readonly type: "BacklogChanged";
  readonly pipeline: string;
  readonly isProcessingBacklog: boolean;
}
