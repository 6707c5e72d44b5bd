import type {
  CheckpointAborted,
  CheckpointCompleted,
  TriggerCheckpoint,
} from "../api/job-event.js";
import type { CoordinatorToOperatorEvent } from "../api/operator-event.js";
import type { Watermark } from "../api/watermark.js";
import type { SubtaskState } from "../checkpoint/checkpoint-data.js";
import type { ErrorInfo } from "../errors/index.js";

/** Which attempt of which subtask. */
export interface AttemptId {
  readonly pipeline: string;
  readonly subtask: number;
  readonly attempt: number;
}

/** The job wants the attempt to end without finishing. */
export interface CancelSubtask {
  readonly type: "CancelSubtask";
}

/** What a subtask posts to itself when something outside its loop has happened. */
export type SubtaskSelfEvent =
  | { readonly type: "WriterOpened" }
  | { readonly type: "SinkProgressed" }
  | { readonly type: "TimerFired"; readonly timer: number }
  | { readonly type: "RunInLoop"; readonly action: number }
  | { readonly type: "Released" };

/** Everything that a subtask itself understands; the rest is for its reader. */
export type SubtaskEvent =
  | CoordinatorToOperatorEvent
  | TriggerCheckpoint
  | CheckpointCompleted
  | CheckpointAborted
  | CancelSubtask
  | SubtaskSelfEvent;

/** What means nothing to an attempt that closes. */
export const COMES_TOO_LATE: ReadonlySet<string> = new Set<SubtaskEvent["type"]>([
  "AddSplit",
  "WatermarkAlignment",
  "NoMoreSplits",
  "IsProcessingBacklog",
  "SourceEventWrapper",
  "TriggerCheckpoint",
  "CheckpointCompleted",
  "CheckpointAborted",
  "CancelSubtask",
  "WriterOpened",
  "SinkProgressed",
]);

/** To the job: the attempt has opened. */
export interface SubtaskStarted extends AttemptId {
  readonly type: "SubtaskStarted";
}

/** To the job: everything is read and written; `state` is the subtask's last. */
export interface SubtaskEnded extends AttemptId {
  readonly type: "SubtaskEnded";
  readonly state: SubtaskState;
}

/** To the job: the attempt cannot go on. */
export interface SubtaskFailed extends AttemptId {
  readonly type: "SubtaskFailed";
  readonly error: ErrorInfo;
}

/** To the job: nothing of the attempt runs any more. */
export interface SubtaskClosed extends AttemptId {
  readonly type: "SubtaskClosed";
}

/** To the job, a few times a second: how the attempt is doing. */
export interface SubtaskReport extends AttemptId {
  readonly type: "SubtaskReport";
  readonly status: SubtaskStatus;
}

/** A bad record as a job's status shows it: without its bytes. */
export interface LastBadRecord {
  readonly splitId: string;
  /** Where it starts, in the split's own measure. */
  readonly position: number;
  /** What was wrong, in one short line. */
  readonly message: string;
  /** When it was read: wall clock, milliseconds. */
  readonly time: number;
}

/** How a subtask is doing; plain data for people. */
export interface SubtaskStatus {
  /** The life of the attempt: INITIALIZING, RUNNING … CLOSED. */
  readonly state: string;
  /** The source operator's mode: READING, WAITING_FOR_ALIGNMENT … */
  readonly mode: string;
  /** Read so far; in a job's status over all attempts, so what was read again counts again. */
  readonly records: number;
  /** Inputs that were no records; over all attempts like `records`. */
  readonly badRecords: number;
  /** The last of them; in a job's status that of an earlier attempt until there is a newer one. */
  readonly lastBadRecord: LastBadRecord | undefined;
  readonly watermark: Watermark;
  /** The alignment limit; Infinity when there is none. */
  readonly maxDesiredWatermark: Watermark;
  readonly idle: boolean;
  readonly backPressured: boolean;
  /** How many splits the reader has, and how many of them alignment has paused. */
  readonly splits: number;
  readonly paused: number;
  /** The watermark of each split that has one; of many splits the first 256. */
  readonly splitWatermarks: Readonly<Record<string, Watermark>>;
  /** Those of them that are paused. */
  readonly pausedSplits: readonly string[];
}

export type SubtaskToJobEvent =
  | SubtaskStarted
  | SubtaskEnded
  | SubtaskFailed
  | SubtaskClosed
  | SubtaskReport;
