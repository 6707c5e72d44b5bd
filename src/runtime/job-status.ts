import type { CompletedCheckpoint } from "../checkpoint/index.js";
import type { ErrorInfo } from "../errors/index.js";
import type { SubtaskStatus } from "./subtask-event.js";

/** Flink's job states as far as a job in one process has them. */
export type JobState =
  | "CREATED"
  | "INITIALIZING"
  | "RUNNING"
  | "RESTARTING"
  | "RESTORING"
  | "FINISHING"
  | "FAILING"
  | "CANCELLING"
  | "FINISHED"
  | "FAILED"
  | "CANCELED";

/** The states that a job never leaves. */
export const TERMINAL_STATES: ReadonlySet<JobState> = new Set(["FINISHED", "FAILED", "CANCELED"]);

/** One subtask of a pipeline, as last reported. */
export interface SubtaskOverview {
  readonly subtask: number;
  readonly attempt: number;
  /** The last report: of the attempt before until this one's first; undefined before any. */
  readonly status: SubtaskStatus | undefined;
}

/** One pipeline of a job, as last reported. */
export interface PipelineOverview {
  readonly id: string;
  readonly source: string;
  readonly sink: string;
  readonly parallelism: number;
  readonly subtasks: readonly SubtaskOverview[];
}

/** How a job is doing; plain data for people and the command line. */
export interface JobStatus {
  readonly jobName: string;
  readonly state: JobState;
  /** The checkpoint or savepoint that the job was started from. */
  readonly restoredFrom: string | undefined;
  /** How often the job has been restarted, partly or as a whole. */
  readonly restarts: number;
  /** Why it restarted last, or failed. */
  readonly lastError: ErrorInfo | undefined;
  readonly completedCheckpoints: number;
  readonly lastCheckpoint: CompletedCheckpoint | undefined;
  /** The savepoint with which the job was stopped. */
  readonly savepoint: CompletedCheckpoint | undefined;
  readonly pipelines: readonly PipelineOverview[];
}
