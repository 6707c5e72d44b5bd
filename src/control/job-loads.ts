import type { MetricReading } from "../api/metrics.js";
import type { PipelineOverview } from "../runtime/index.js";

/** What a subtask does with its time, and how far it is behind. */
export interface SubtaskLoad {
  readonly pipeline: string;
  readonly subtask: number;
  /** Milliseconds of each second, over the last minute. */
  readonly busy: number;
  readonly idle: number;
  readonly backPressured: number;
  /** Over the last minute. */
  readonly recordsPerSecond: number;
  /** How far the watermark is behind the wall clock, in milliseconds; −1: there is none. */
  readonly watermarkLag: number;
  /** Records that wait outside; undefined where the source does not know. */
  readonly pendingRecords: number | undefined;
}

/** A split that is behind the others. */
export interface SlowSplit {
  readonly pipeline: string;
  readonly subtask: number;
  readonly split: string;
  readonly watermark: number;
  readonly paused: boolean;
}

/** Splits that a report lists, the slowest first. */
const SLOW_SPLITS = 10;

const METRICS = [
  "busyTimeMsPerSecond",
  "idleTimeMsPerSecond",
  "backPressuredTimeMsPerSecond",
  "numRecordsOutPerSecond",
  "watermarkLag",
  "pendingRecords",
] as const;

type Values = Partial<Record<(typeof METRICS)[number], number>>;

/** The loads of the subtasks that a report lists. */
export function loadsOf(
  readings: readonly MetricReading[],
  pipelines: readonly PipelineOverview[],
): readonly SubtaskLoad[] {
  const wanted: ReadonlySet<string> = new Set(METRICS);
  const values = new Map<string, Record<string, number>>();
  for (const { scope, name, labels, value } of readings) {
    if (scope !== "subtask" || !wanted.has(name)) continue;
    const key = `${labels.subtask} ${labels.pipeline}`;
    const ofSubtask = values.get(key) ?? {};
    values.set(key, ofSubtask);
    ofSubtask[name] = value;
  }
  return pipelines.flatMap(({ id, subtasks }) =>
    subtasks.flatMap(({ subtask }) => {
      const found: Values | undefined = values.get(`${subtask} ${id}`);
      return found === undefined ? [] : [loadOf(id, subtask, found)];
    }),
  );
}

function loadOf(pipeline: string, subtask: number, values: Values): SubtaskLoad {
  return {
    pipeline,
    subtask,
    busy: Math.round(values.busyTimeMsPerSecond ?? 0),
    idle: Math.round(values.idleTimeMsPerSecond ?? 0),
    backPressured: Math.round(values.backPressuredTimeMsPerSecond ?? 0),
    recordsPerSecond: Math.round(values.numRecordsOutPerSecond ?? 0),
    watermarkLag: Math.round(values.watermarkLag ?? -1),
    pendingRecords: values.pendingRecords,
  };
}

/** Those with the lowest watermarks of all splits that subtasks report, the lowest first. */
export function slowestSplits(pipelines: readonly PipelineOverview[]): readonly SlowSplit[] {
  const splits = pipelines.flatMap(({ id, subtasks }) =>
    subtasks.flatMap(({ subtask, status }) => {
      if (status === undefined) return [];
      const paused = new Set(status.pausedSplits);
      return Object.entries(status.splitWatermarks).map(([split, watermark]) => ({
        pipeline: id,
        subtask,
        split,
        watermark,
        paused: paused.has(split),
      }));
    }),
  );
  return splits.sort((a, b) => order(a.watermark, b.watermark)).slice(0, SLOW_SPLITS);
}

/** Infinities compare too. */
function order(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
