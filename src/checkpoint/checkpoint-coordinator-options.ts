import type { MetricGroup } from "../api/metrics.js";
import type { JobLog } from "../logging/index.js";
import type { Address, InspectionObserver } from "../mailbox/index.js";
import type { CheckpointStorage } from "./checkpoint-data.js";
import type { CheckpointedPipeline } from "./pending-checkpoint.js";

/** What a checkpoint coordinator needs; durations in milliseconds. */
export interface CheckpointCoordinatorOptions {
  readonly jobName: string;
  readonly storage: CheckpointStorage;
  readonly jobMaster: Address;
  readonly metricGroup: MetricGroup;
  readonly log?: JobLog;
  /** Undefined: checkpoints on demand only. */
  readonly interval?: number;
  /** A checkpoint that takes longer is aborted; default 10 minutes. */
  readonly timeout?: number;
  /** From the end of one checkpoint to the start of the next periodic one; default 0. */
  readonly minPause?: number;
  /** More failures in a row than this fail the job; default 0. */
  readonly tolerableFailures?: number;
  /** The interval while any source is in backlog, 0: none; default: `interval` (FLIP-309). */
  readonly intervalDuringBacklog?: number;
  /** A restored subtask reads nothing before a barrier: one is triggered at once; default false. */
  readonly awaitedByNewAttempts?: boolean;
  readonly pipelines: readonly CheckpointedPipeline[];
  /** Higher than every id in the storage (`nextCheckpointId`); default 1. */
  readonly firstCheckpointId?: number;
  readonly inspect?: InspectionObserver;
}
