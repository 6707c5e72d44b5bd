import type { MetricsSnapshot } from "../api/metrics.js";
import type { JobHandle, JobStatus, PipelineOverview, SubtaskStatus } from "../runtime/index.js";
import { loadsOf, type SlowSplit, type SubtaskLoad, slowestSplits } from "./job-loads.js";
import { shortError } from "./short-error.js";

/** Longer names of a job are cut: an answer has a limit. */
const MAX_TEXT = 200;
/** Pipelines, and subtasks of each, that a report has at first. */
const MAX_PIPELINES = 16;
const MAX_SUBTASKS = 64;

/** How a job is doing, for another process: bounded, and without what splits have. */
export interface JobReport {
  readonly pid: number;
  /** Wall clock, milliseconds since the epoch. */
  readonly startedAt: number;
  /** For how long the job has been running, in milliseconds. */
  readonly uptime: number;
  /** Absolute; undefined when checkpoints stay in memory. */
  readonly checkpointDirectory: string | undefined;
  /** Over all subtasks, also those that `status` leaves out. */
  readonly records: number;
  readonly badRecords: number;
  /** The lowest of all subtasks. */
  readonly watermark: number;
  readonly status: JobStatus;
  /** Subtasks for which there was no room. */
  readonly subtasksLeftOut: number;
  /** The checkpoint coordinator's metrics. */
  readonly checkpointMetrics: MetricsSnapshot;
  /** What the subtasks of `status` do; undefined from a job of an earlier release. */
  readonly loads?: readonly SubtaskLoad[];
  /** Ten splits at most, of those that subtasks report. */
  readonly slowestSplits?: readonly SlowSplit[];
}

/** What a report says beside what the handle knows. */
export type JobFacts = Pick<JobReport, "pid" | "startedAt" | "uptime" | "checkpointDirectory">;

/** A report with at most 1 / 2^`cuts` of the subtasks that it could have. */
export function reportOf(handle: JobHandle, facts: JobFacts, cuts = 0): JobReport {
  const status = handle.status();
  const all = subtasksOf(status.pipelines);
  const shown = status.pipelines
    .slice(0, MAX_PIPELINES >> cuts)
    .map((one) => ({ ...one, subtasks: one.subtasks.slice(0, MAX_SUBTASKS >> cuts) }));
  const pipelines = shown.map(shortPipeline);
  const listed = pipelines.reduce((sum, { subtasks }) => sum + subtasks.length, 0);
  const existing = status.pipelines.reduce((sum, { subtasks }) => sum + subtasks.length, 0);
  const { lastError } = status;
  const readings = handle.metricReadings();
  return {
    ...facts,
    records: all.reduce((sum, { records }) => sum + records, 0),
    badRecords: all.reduce((sum, { badRecords }) => sum + badRecords, 0),
    watermark:
      all.length === 0
        ? Number.NEGATIVE_INFINITY
        : Math.min(...all.map(({ watermark }) => watermark)),
    status: {
      ...status,
      lastError: lastError === undefined ? undefined : shortError(lastError),
      pipelines,
    },
    subtasksLeftOut: existing - listed,
    checkpointMetrics: Object.fromEntries(
      readings.flatMap(({ scope, name, value }) =>
        scope === "checkpoint" ? [[`checkpoint.${name}`, value]] : [],
      ),
    ),
    loads: loadsOf(readings, shown).map((load) => ({ ...load, pipeline: short(load.pipeline) })),
    slowestSplits: slowestSplits(status.pipelines).map((slow) => ({
      ...slow,
      pipeline: short(slow.pipeline),
      split: short(slow.split),
    })),
  };
}

function subtasksOf(pipelines: readonly PipelineOverview[]): readonly SubtaskStatus[] {
  return pipelines.flatMap(({ subtasks }) => subtasks.flatMap(({ status }) => status ?? []));
}

function shortPipeline(pipeline: PipelineOverview): PipelineOverview {
  return {
    ...pipeline,
    id: short(pipeline.id),
    source: short(pipeline.source),
    sink: short(pipeline.sink),
    subtasks: pipeline.subtasks.map(({ status, ...subtask }) => ({
      ...subtask,
      status: status === undefined ? undefined : shortStatus(status),
    })),
  };
}

function shortStatus(status: SubtaskStatus): SubtaskStatus {
  const { lastBadRecord: last } = status;
  return {
    ...status,
    splitWatermarks: {},
    pausedSplits: [],
    lastBadRecord:
      last === undefined
        ? undefined
        : { ...last, splitId: short(last.splitId), message: short(last.message) },
  };
}

function short(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}
