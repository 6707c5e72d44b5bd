import type {
  BacklogChanged,
  CoordinatorAcknowledged,
  CoordinatorDeclined,
} from "../api/job-event.js";
import type { ErrorInfo } from "../errors/error-info.js";
import type { Address } from "../mailbox/address.js";
import type { CheckpointKind, CompletedCheckpoint, SubtaskState } from "./checkpoint-data.js";

/** An attempt of a subtask runs and takes barriers; attempts of a subtask grow, an older one is ignored. */
export interface SubtaskRunning {
  readonly type: "SubtaskRunning";
  readonly pipeline: string;
  readonly subtask: number;
  readonly attempt: number;
  /** Where CheckpointCompleted and CheckpointAborted go. */
  readonly address: Address;
}

/** An attempt has ended without finishing: a checkpoint that still collects acknowledgements is aborted. */
export interface SubtaskGone {
  readonly type: "SubtaskGone";
  readonly pipeline: string;
  readonly subtask: number;
  readonly attempt: number;
}

/**
 * An attempt has read everything: its final state acknowledges the pending checkpoint and goes into
 * every later one. A subtask that is restored as finished may be reported this way without running.
 */
export interface SubtaskFinished {
  readonly type: "SubtaskFinished";
  readonly pipeline: string;
  readonly subtask: number;
  readonly attempt: number;
  readonly state: SubtaskState;
  /** It waits here for a checkpoint that holds this state: one is taken soon. */
  readonly awaits?: Address;
}

/**
 * The pipeline starts again with a new source coordinator (global failover). All its subtasks count
 * as gone, finished ones too, except for those of the new attempts: their reports may come first.
 */
export interface CoordinatorReplaced {
  readonly type: "CoordinatorReplaced";
  readonly pipeline: string;
  readonly address: Address;
  /** By subtask: the first attempt that belongs to the new coordinator. */
  readonly attempts: readonly number[];
}

/** A subtask's contribution to a checkpoint (Flink `AcknowledgeCheckpoint`). */
export interface CheckpointAcknowledged {
  readonly type: "CheckpointAcknowledged";
  readonly pipeline: string;
  readonly subtask: number;
  readonly attempt: number;
  readonly checkpointId: number;
  readonly state: SubtaskState;
}

/** A subtask could not take its part of a checkpoint (Flink `DeclineCheckpoint`). */
export interface CheckpointDeclined {
  readonly type: "CheckpointDeclined";
  readonly pipeline: string;
  readonly subtask: number;
  readonly attempt: number;
  readonly checkpointId: number;
  readonly error: ErrorInfo;
}

/** Asks for a checkpoint or savepoint now; answered by RequestFinished or RequestFailed, once. */
export interface RequestCheckpoint {
  readonly type: "RequestCheckpoint";
  readonly requestId: string;
  readonly kind: CheckpointKind;
  /** Where a savepoint goes; needed for a savepoint. */
  readonly target?: string;
  /** The job ends with it: operators emit nothing after the barrier, and no checkpoint follows. */
  readonly stop: boolean;
  /** With `stop`: the maximum watermark is emitted before the barrier. */
  readonly drain: boolean;
  readonly replyTo: Address;
}

/**
 * The job restarts: what collects acknowledgements is aborted and nothing is triggered until Resume.
 *
 * A checkpoint that all have acknowledged is still stored. With `replyTo`, CheckpointsSuspended is
 * posted there when that is settled, and the storage writes and deletes nothing any more (for 10 s at
 * most): whoever restores waits for it, so that no checkpoint completes after an older one was chosen.
 */
export interface Suspend {
  readonly type: "Suspend";
  readonly replyTo?: Address;
}

/** The job runs again; checkpoints go on as soon as all subtasks run. */
export interface Resume {
  readonly type: "Resume";
}

/**
 * The job has ended: open requests fail, a checkpoint that is being stored is waited for (10 s), and
 * the actor stops.
 */
export interface CloseCheckpointCoordinator {
  readonly type: "CloseCheckpointCoordinator";
  /** Hears CheckpointCoordinatorClosed. */
  readonly replyTo: Address;
}

/** Own timer: the storage has not answered for too long after the job's end. */
export interface CloseTimedOut {
  readonly type: "CloseTimedOut";
}

/** Own timer: the next periodic checkpoint is due; one of an earlier schedule is ignored. */
export interface PeriodicTriggerDue {
  readonly type: "PeriodicTriggerDue";
  readonly schedule: number;
}

/** Own timer: a checkpoint that was waited for, and aborted, is tried again. */
export interface AwaitedCheckpointDue {
  readonly type: "AwaitedCheckpointDue";
}

/** Own timer: a checkpoint has taken longer than the timeout. */
export interface CheckpointTimedOut {
  readonly type: "CheckpointTimedOut";
  readonly checkpointId: number;
}

/** Own event: the storage has answered; the answer itself lies with the actor. */
export interface StoreSettled {
  readonly type: "StoreSettled";
  readonly checkpointId: number;
}

/** Own event: a checkpoint that became durable too late has been deleted, or could not be. */
export interface DiscardSettled {
  readonly type: "DiscardSettled";
}

/** Own timer: the storage has not answered for too long for a restart to wait. */
export interface SuspendTimedOut {
  readonly type: "SuspendTimedOut";
  readonly suspension: number;
}

/** What the checkpoint coordinator's mailbox takes. */
export type CheckpointCoordinatorEvent =
  | SubtaskRunning
  | SubtaskGone
  | SubtaskFinished
  | CoordinatorReplaced
  | CoordinatorAcknowledged
  | CoordinatorDeclined
  | CheckpointAcknowledged
  | CheckpointDeclined
  | BacklogChanged
  | RequestCheckpoint
  | Suspend
  | Resume
  | CloseCheckpointCoordinator
  | PeriodicTriggerDue
  | AwaitedCheckpointDue
  | CheckpointTimedOut
  | CloseTimedOut
  | DiscardSettled
  | SuspendTimedOut
  | StoreSettled;

/** To the job master: a checkpoint is durable, and a later restart goes back to it. */
export interface CheckpointStored {
  readonly type: "CheckpointStored";
  readonly checkpoint: CompletedCheckpoint;
  /** The requests that it answers; empty for a periodic one. */
  readonly requestIds: readonly string[];
  readonly stop: boolean;
}

/** To the job master: more checkpoints in a row failed than may, the job has to fail over. */
export interface CheckpointFailuresExceeded {
  readonly type: "CheckpointFailuresExceeded";
  /** CHECKPOINT_FAILURES_EXCEEDED with the last failure as its cause. */
  readonly error: ErrorInfo;
}

/** To the job master: the checkpoint coordinator has broken and stopped; the job cannot go on without it. */
export interface CheckpointCoordinatorFailed {
  readonly type: "CheckpointCoordinatorFailed";
  readonly error: ErrorInfo;
}

/** To the `replyTo` of Suspend: nothing is pending any more. */
export interface CheckpointsSuspended {
  readonly type: "CheckpointsSuspended";
  /** The last that was completed by this coordinator; undefined when none was. */
  readonly lastCheckpoint: CompletedCheckpoint | undefined;
}

/** To the `replyTo` of CloseCheckpointCoordinator: nothing is written any more. */
export interface CheckpointCoordinatorClosed {
  readonly type: "CheckpointCoordinatorClosed";
}

/** To a request's `replyTo`. */
export interface RequestFinished {
  readonly type: "RequestFinished";
  readonly requestId: string;
  readonly checkpoint: CompletedCheckpoint;
}

/** To a request's `replyTo`: CHECKPOINT_ABORTED with the reason as its cause, LIMIT_EXCEEDED or ILLEGAL_ARGUMENT. */
export interface RequestFailed {
  readonly type: "RequestFailed";
  readonly requestId: string;
  readonly error: ErrorInfo;
}

/** What the checkpoint coordinator posts to the job master. */
export type CheckpointCoordinatorReport =
  | CheckpointStored
  | CheckpointFailuresExceeded
  | CheckpointCoordinatorFailed;
