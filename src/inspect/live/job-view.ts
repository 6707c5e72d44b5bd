import { address, type Clock } from "../../mailbox/index.js";
import type { InspectedJob, InspectedPipeline, InspectedSubtask } from "../inspected-job.js";
import type {
  Checkpoints,
  FigureSample,
  Mode,
  ModeChange,
  Watermark,
  WatermarkSample,
} from "../protocol.js";
import type { ActorTable } from "./actor-table.js";
import {
  sampleOf,
  splitId,
  splitMode,
  subtaskId,
  subtaskMode,
  watermarkOf,
} from "./job-samples.js";
import { rootId } from "./machine-rows.js";

/** What is remembered for pages that come late. */
const MAX_SAMPLES = 600;
const MAX_MODES = 10_000;
const MAX_WATERMARKS = 20_000;
const MAX_CHECKPOINTS = 50;
/** Splits' watermarks are remembered each so many looks. */
const LOOKS_PER_SPLIT_SAMPLE = 5;

type Metrics = Readonly<Record<string, number>>;

/** What one look at the job has shown. */
export interface Look {
  readonly sample: FigureSample;
  readonly modes: readonly ModeChange[];
  readonly watermarks: readonly WatermarkSample[];
  /** Undefined: nothing new. */
  readonly checkpoints: Checkpoints | undefined;
}

interface Lane {
  mode: Mode | undefined;
  watermark: Watermark | undefined;
  /** The look in which it was seen last. */
  seen: number;
  readonly isSplit: boolean;
}

/**
 * What a job's status says, as rows and as samples over time.
 *
 * Owns: the last samples, and what each subtask and split was doing. Called by: the inspector, a few
 * times a second; never by the job.
 * Invariants: everything that is remembered has a limit.
 */
export class JobView {
  readonly samples: FigureSample[] = [];
  readonly modes: ModeChange[] = [];
  readonly watermarks: WatermarkSample[] = [];
  /** Splits that the job's status counts and does not list. */
  unlistedSplits = 0;
  #checkpoints: Checkpoints = {
    type: "checkpoints",
    completed: 0,
    failed: 0,
    inProgress: 0,
    recent: [],
  };
  readonly #job: InspectedJob;
  readonly #table: ActorTable;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane>();
  #look = 0;
  #modesNow: ModeChange[] = [];
  #watermarksNow: WatermarkSample[] = [];

  constructor(job: InspectedJob, table: ActorTable, clock: Clock) {
    this.#job = job;
    this.#table = table;
    this.#clock = clock;
  }

  get checkpoints(): Checkpoints {
    return this.#checkpoints;
  }

  /** Looks at the job; `metrics` may be somewhat older. */
  look(metrics: Metrics): Look {
    const status = this.#job.status();
    const time = this.#clock.now();
    this.#look++;
    this.#modesNow = [];
    this.#watermarksNow = [];
    this.unlistedSplits = 0;
    const sample = sampleOf(status, metrics, time, this.samples.at(-1));
    for (const pipeline of status.pipelines) this.#pipeline(pipeline, time, sample);
    this.#removeUnseen(time);
    this.#putJob(sample);
    this.#remember(sample);
    const checkpoints = this.#lookAtCheckpoints(metrics);
    return { sample, modes: this.#modesNow, watermarks: this.#watermarksNow, checkpoints };
  }

  #putJob(sample: FigureSample): void {
    const { state, records, recordsPerSecond, restarts, skew, splits, paused } = sample;
    const id = rootId(this.#job.jobName);
    this.#table.put({
      ...this.#table.get(id),
      id,
      kind: "job",
      name: this.#job.jobName,
      mailbox: true,
      watermark: sample.watermark,
      figures: { state, records, recordsPerSecond, restarts, skew, splits, paused },
    });
  }

  #pipeline(pipeline: InspectedPipeline, time: number, sample: FigureSample): void {
    const { jobName } = this.#job;
    const id = address(jobName, pipeline.id);
    const figures = sample.pipelines.find(({ actor }) => actor === id);
    this.#table.put({
      id,
      parent: rootId(jobName),
      kind: "pipeline",
      name: pipeline.id,
      mailbox: false,
      ...(figures !== undefined && { watermark: figures.watermark }),
      figures: {
        source: pipeline.source,
        sink: pipeline.sink,
        parallelism: pipeline.parallelism,
        records: figures?.records ?? 0,
        recordsPerSecond: figures?.recordsPerSecond ?? 0,
        pendingRecords: figures?.pendingRecords ?? null,
      },
    });
    for (const subtask of pipeline.subtasks) this.#subtask(pipeline.id, subtask, time);
  }

  #subtask(pipeline: string, subtask: InspectedSubtask, time: number): void {
    const { status, attempt } = subtask;
    const id = subtaskId(this.#job.jobName, pipeline, subtask);
    const mode = subtaskMode(subtask);
    if (status === undefined || mode === undefined) return;
    const watermark = watermarkOf(status.watermark);
    this.#table.patch(id, {
      mode,
      watermark,
      figures: {
        attempt,
        records: status.records,
        badRecords: status.badRecords,
        splits: status.splits,
        paused: status.paused,
        idle: status.idle,
        backPressured: status.backPressured,
        limit: watermarkOf(status.maxDesiredWatermark),
      },
    });
    this.#lane(id, mode, watermark, time, false);
    const splits = Object.entries(status.splitWatermarks);
    this.unlistedSplits += Math.max(0, status.splits - splits.length);
    const paused = new Set(status.pausedSplits);
    for (const [split, at] of splits) {
      const row = splitId(id, split);
      const splitIs = splitMode(paused.has(split), mode);
      const splitAt = watermarkOf(at);
      this.#table.put({
        id: row,
        parent: id,
        kind: "split",
        name: split,
        mailbox: false,
        mode: splitIs,
        watermark: splitAt,
      });
      this.#lane(row, splitIs, splitAt, time, true);
    }
  }

  #lane(actor: string, mode: Mode, watermark: Watermark, time: number, isSplit: boolean): void {
    let lane = this.#lanes.get(actor);
    if (lane === undefined) {
      lane = { mode: undefined, watermark: undefined, seen: 0, isSplit };
      this.#lanes.set(actor, lane);
    }
    lane.seen = this.#look;
    if (lane.mode !== mode) {
      lane.mode = mode;
      this.#modesNow.push({ actor, time, mode });
    }
    if (lane.watermark !== watermark) {
      lane.watermark = watermark;
      this.#watermarksNow.push({ actor, time, watermark });
    }
  }

  /** Splits that have ended or moved, and subtasks of an attempt that was replaced. */
  #removeUnseen(time: number): void {
    for (const [actor, lane] of this.#lanes) {
      if (lane.seen === this.#look) continue;
      this.#lanes.delete(actor);
      if (lane.mode !== "stopped") this.#modesNow.push({ actor, time, mode: "stopped" });
      if (lane.isSplit) this.#table.remove(actor);
      else this.#table.patch(actor, { mode: "stopped" });
    }
  }

  #remember(sample: FigureSample): void {
    keepLast(this.samples, [sample], MAX_SAMPLES);
    keepLast(this.modes, this.#modesNow, MAX_MODES);
    const isSplitSample = this.#look % LOOKS_PER_SPLIT_SAMPLE === 1;
    const watermarks = isSplitSample
      ? this.#watermarksNow
      : this.#watermarksNow.filter(({ actor }) => this.#lanes.get(actor)?.isSplit !== true);
    keepLast(this.watermarks, watermarks, MAX_WATERMARKS);
  }

  #lookAtCheckpoints(metrics: Metrics): Checkpoints | undefined {
    const { completedCheckpoints: completed, lastCheckpoint: last } = this.#job.status();
    const before = this.#checkpoints;
    const failed = metrics["checkpoint.numberOfFailedCheckpoints"] ?? 0;
    const inProgress = metrics["checkpoint.numberOfInProgressCheckpoints"] ?? 0;
    const took =
      metrics["checkpoint.lastCompletedCheckpointId"] === last?.checkpointId
        ? (metrics["checkpoint.lastCheckpointDuration"] ?? -1)
        : -1;
    let { recent } = before;
    const [newest, ...others] = recent;
    // The metrics may come a little later than the status.
    if (newest?.location === last?.location && newest?.duration === -1 && took >= 0) {
      recent = [{ ...newest, duration: took }, ...others];
    }
    if (last !== undefined && last.location !== recent[0]?.location) {
      const { checkpointId, kind, triggeredAt, bytes, location } = last;
      const facts = { checkpointId, kind, triggeredAt, duration: took, bytes, location };
      recent = [facts, ...recent].slice(0, MAX_CHECKPOINTS);
    }
    const isSame =
      recent === before.recent &&
      completed === before.completed &&
      failed === before.failed &&
      inProgress === before.inProgress;
    if (isSame) return undefined;
    this.#checkpoints = { type: "checkpoints", completed, failed, inProgress, recent };
    return this.#checkpoints;
  }
}

function keepLast<T>(kept: T[], added: readonly T[], limit: number): void {
  for (const one of added) kept.push(one);
  // By a tenth: moving all the others costs.
  if (kept.length > limit * 1.1) kept.splice(0, kept.length - limit);
}
