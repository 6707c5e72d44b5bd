import { withoutSecrets } from "../../errors/index.js";
import { address } from "../../mailbox/index.js";
import type {
  InspectedError,
  InspectedPipeline,
  InspectedStatus,
  InspectedSubtask,
} from "../inspected-job.js";
import type { FigureSample, Mode, PipelineFigures, Watermark } from "../protocol.js";

/** Of an error, and how many of those behind it are told. */
const LONGEST_MESSAGE = 500;
const MAX_CAUSES = 8;

const STOPPED: ReadonlySet<string> = new Set(["SOURCE_STOPPED", "SOURCE_DRAINED", "DATA_FINISHED"]);

type Metrics = Readonly<Record<string, number>>;

/** JSON has no infinities; NaN is none so far. */
export function watermarkOf(watermark: number): Watermark {
  if (Number.isFinite(watermark)) return watermark;
  return watermark === Number.POSITIVE_INFINITY ? "Infinity" : "-Infinity";
}

export function subtaskId(
  job: string,
  pipeline: string,
  { subtask, attempt }: InspectedSubtask,
): string {
  return address(job, pipeline, "subtask", subtask, "attempt", attempt);
}

export function splitId(subtask: string, split: string): string {
  return `${subtask}/${address("split", split)}`;
}

/** What a subtask is doing; undefined before its first report. */
export function subtaskMode({ status }: InspectedSubtask): Mode | undefined {
  if (status === undefined) return undefined;
  if (STOPPED.has(status.mode) || status.state === "CLOSED") return "stopped";
  if (status.backPressured) return "back-pressured";
  if (status.mode === "WAITING_FOR_ALIGNMENT") return "waiting";
  return status.idle || status.mode === "OUTPUT_NOT_INITIALIZED" ? "idle" : "reading";
}

/** What a split is doing while its subtask does `subtask`. */
export function splitMode(isPaused: boolean, subtask: Mode | undefined): Mode {
  return isPaused ? "paused" : (subtask ?? "idle");
}

/** The job in figures; `since` is the sample before, for rates. */
export function sampleOf(
  status: InspectedStatus,
  metrics: Metrics,
  time: number,
  since: FigureSample | undefined,
): FigureSample {
  const pipelines = status.pipelines.map((pipeline) =>
    pipelineFigures(status.jobName, pipeline, metrics, time, since),
  );
  const all = status.pipelines.flatMap(({ subtasks }) =>
    subtasks.flatMap((one) => one.status ?? []),
  );
  const records = sum(all, (one) => one.records);
  const watermark = lowest(all.map((one) => one.watermark));
  const { lastError } = status;
  return {
    time,
    state: status.state,
    records,
    recordsPerSecond: rate(records, since?.records, time, since?.time),
    badRecords: sum(all, (one) => one.badRecords),
    restarts: status.restarts,
    watermark: watermarkOf(watermark),
    skew: skewOf(all),
    watermarkLag: Number.isFinite(watermark) ? time - watermark : null,
    splits: sum(all, (one) => one.splits),
    paused: sum(all, (one) => one.paused),
    subtasks: status.pipelines.reduce((count, { subtasks }) => count + subtasks.length, 0),
    backPressured: all.filter((one) => one.backPressured).length,
    idle: all.filter((one) => one.idle).length,
    pipelines,
    ...(lastError !== undefined && {
      lastError: {
        code: lastError.code ?? lastError.name,
        message: withoutSecrets(lastError.message, LONGEST_MESSAGE),
        causes: causesOf(lastError),
      },
    }),
  };
}

/** Each once: an error often repeats the message of the one that it wraps. */
function causesOf(error: InspectedError): readonly string[] {
  const causes: string[] = [];
  let before = error.message;
  let cause = error.cause;
  while (cause !== undefined && causes.length < MAX_CAUSES) {
    const message = cause.message === "" ? cause.name : cause.message;
    if (!before.includes(message)) {
      causes.push(withoutSecrets(message, LONGEST_MESSAGE));
    }
    before = message;
    cause = cause.cause;
  }
  return causes;
}

function pipelineFigures(
  job: string,
  { id, subtasks }: InspectedPipeline,
  metrics: Metrics,
  time: number,
  since: FigureSample | undefined,
): PipelineFigures {
  const actor = address(job, id);
  const before = since?.pipelines.find((one) => one.actor === actor);
  const known = subtasks.flatMap(({ status }) => status ?? []);
  const records = sum(known, (one) => one.records);
  const pending = subtasks.flatMap(
    ({ subtask }) => metrics[`${id}.subtask.${subtask}.pendingRecords`] ?? [],
  );
  return {
    actor,
    records,
    recordsPerSecond: rate(records, before?.records, time, since?.time),
    watermark: watermarkOf(lowest(known.map((one) => one.watermark))),
    pendingRecords: pending.length === 0 ? null : sum(pending, (one) => Math.max(0, one)),
    subtasks: subtasks.length,
    backPressured: known.filter((one) => one.backPressured).length,
  };
}

function rate(
  records: number,
  before: number | undefined,
  time: number,
  beforeTime: number | undefined,
): number {
  if (before === undefined || beforeTime === undefined || time <= beforeTime) return 0;
  return Math.max(0, Math.round(((records - before) * 1000) / (time - beforeTime)));
}

/** How far apart the splits are that are being read. */
function skewOf(all: readonly NonNullable<InspectedSubtask["status"]>[]): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { splitWatermarks, pausedSplits } of all) {
    const paused = new Set(pausedSplits);
    for (const [split, watermark] of Object.entries(splitWatermarks)) {
      if (!Number.isFinite(watermark) || paused.has(split)) continue;
      low = Math.min(low, watermark);
      high = Math.max(high, watermark);
    }
  }
  return high > low ? high - low : 0;
}

function sum<T>(items: readonly T[], read: (item: T) => number): number {
  return items.reduce((total, item) => total + read(item), 0);
}

function lowest(watermarks: readonly number[]): number {
  return watermarks.reduce(
    (low, one) => Math.min(low, one),
    watermarks.length === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
  );
}
