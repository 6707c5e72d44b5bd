import type { CoordinatorFailed } from "../api/job-event.js";
import type { CheckpointCoordinatorReport, CheckpointsSuspended } from "../checkpoint/index.js";
import type { CoordinatorClosed } from "../coordinator/index.js";
import type { ErrorInfo } from "../errors/index.js";
import type { JobStatus } from "./job-status.js";
import type { SubtaskToJobEvent } from "./subtask-event.js";

/** From the client: deploy the job. */
export interface StartJob {
  readonly type: "StartJob";
}

/** From the client: end the job without a savepoint. */
export interface CancelJob {
  readonly type: "CancelJob";
}

/** From an actor that serves the job: it has met a bug, so nothing can be trusted any more. */
export interface ActorFailed {
  readonly type: "ActorFailed";
  readonly error: ErrorInfo;
}

/** Own event: the restore point has been read, or could not be. */
export interface RestorePointSettled {
  readonly type: "RestorePointSettled";
  readonly loading: number;
}

/** Own timer: the restart strategy's delay is over. */
export interface BackoffOver {
  readonly type: "BackoffOver";
  readonly restart: number;
}

/** Own timer: what should have closed has not. */
export interface ReleaseTimedOut {
  readonly type: "ReleaseTimedOut";
  readonly release: number;
}

/** What the job master's mailbox takes. */
export type JobMasterEvent =
  | StartJob
  | CancelJob
  | SubtaskToJobEvent
  | CoordinatorFailed
  | CoordinatorClosed
  | CheckpointCoordinatorReport
  | CheckpointsSuspended
  | ActorFailed
  | RestorePointSettled
  | BackoffOver
  | ReleaseTimedOut;

/** To the client, on every change and a few times a second. */
export interface JobStatusChanged {
  readonly type: "JobStatusChanged";
  readonly status: JobStatus;
}

/** To the client, last: how the job ended. */
export interface JobTerminated {
  readonly type: "JobTerminated";
  /** A checkpoint may still be written: CheckpointCoordinatorClosed says when not. */
  readonly awaitsCheckpoints: boolean;
  readonly status: JobStatus;
  readonly error: ErrorInfo | undefined;
}
