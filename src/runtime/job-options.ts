import { hostname } from "node:os";
import * as v from "valibot";
import type { Logger } from "../api/logger.js";
import type { CheckpointStorage } from "../checkpoint/index.js";
import { HeadwaterError } from "../errors/index.js";
import { type InspectorOptions, parseInspectorOptions } from "../inspect/inspector-options.js";
import {
  type ParsedRecordOptions,
  parseRecordOptions,
  type RecordOptions,
} from "../inspect/recording/record-options.js";
import type {
  Clock,
  Envelope,
  InspectionObserver,
  Journal,
  Random,
  Scheduler,
  Transport,
} from "../mailbox/index.js";
import { type ServeMetricsOptions, ServeMetricsSchema } from "../metrics/serve-metrics.js";
import { expecting } from "../options/expecting.js";
import { duration, parseOptions, wholeNumber } from "../options/parse-options.js";
import { exponentialDelayRestart, noRestart, type RestartStrategy } from "./restart-strategy.js";

/** How often and where a job's state is kept. */
export interface CheckpointOptions {
  /**
   * A path or `s3://bucket/prefix`, where checkpoints and, by default, savepoints lie. Without it (and without `storage`) checkpoints
   * stay in memory, and savepoints go to `savepoints` in the working directory.
   */
  readonly directory?: string;
  /** A storage of your own; instead of `directory`. */
  readonly storage?: CheckpointStorage;
  /** Time between checkpoints; without it they are taken on demand only. */
  readonly interval?: number | string;
  /** After this long a checkpoint is aborted; default 10 min. */
  readonly timeout?: number | string;
  /** Least time from the end of one to the start of the next; default 0. */
  readonly minPause?: number | string;
  /** How many checkpoints in a row may fail before the job does; default 0. */
  readonly tolerableFailures?: number;
  /** The interval while a source is in backlog; 0: none. Default: `interval`. */
  readonly intervalDuringBacklog?: number | string;
  /**
   * Restored subtasks read nothing before the first checkpoint's barrier, which comes at once; needs
   * `interval` (Flink 2.3 `pipeline.sources.pause-until-first-checkpoint`). Default false.
   */
  readonly pauseUntilFirstCheckpoint?: boolean;
  /** How many completed checkpoints are kept; default 3. */
  readonly retained?: number;
}

/** What `job.run` takes; everything has a default. */
export interface RunOptions {
  /** Subtasks of each pipeline that does not say its own; default 1. */
  readonly parallelism?: number;
  readonly checkpoint?: CheckpointOptions;
  /** Default: exponential delay when checkpoints are taken, else none. */
  readonly restartStrategy?: RestartStrategy;
  /** A checkpoint or savepoint to start from. */
  readonly fromSavepoint?: string;
  /** Start from the newest checkpoint or savepoint in the checkpoint directory, if there is one. */
  readonly resume?: boolean;
  /** Start although the savepoint holds state that the job has no place for. */
  readonly allowNonRestoredState?: boolean;
  /** Time between periodic watermarks; default 200 ms, 0: none. */
  readonly autoWatermarkInterval?: number | string;
  /** Let splits that cannot be paused run on unaligned instead of failing; default false. */
  readonly allowUnalignedSourceSplits?: boolean;
  /** The outside world; for tests and the simulator. */
  readonly ports?: Ports;
  /**
   * Serves a page that shows the job while it runs; true: at the first free port from 10229 on of
   * 127.0.0.1. A function sees every event of every machine instead.
   */
  readonly inspect?: boolean | InspectorOptions | InspectionObserver;
  /** Writes every mailbox envelope and every step of a machine into a file. */
  readonly record?: string | RecordOptions;
  /** Takes the job's structured log; a logger of pino is one. Default: none. */
  readonly logger?: Logger;
  /** Serves the metrics to Prometheus while the job runs; true: at port 9249 of 127.0.0.1. Needs prom-client. */
  readonly metrics?: boolean | ServeMetricsOptions;
}

/** The ports that a job's actor system runs on; each has the real one as its default. */
export interface Ports {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly scheduler?: Scheduler;
  readonly transport?: Transport;
  readonly journal?: Journal;
  /** Called for an envelope whose receiver never existed. */
  readonly onDeadLetter?: (envelope: Envelope) => void;
  readonly hostName?: string;
}

/** RunOptions checked and complete; durations in milliseconds. */
export interface JobOptions {
  readonly parallelism: number;
  readonly checkpoint: {
    readonly directory: string | undefined;
    readonly storage: CheckpointStorage | undefined;
    readonly interval: number | undefined;
    readonly timeout: number;
    readonly minPause: number;
    readonly tolerableFailures: number;
    readonly intervalDuringBacklog: number | undefined;
    readonly pauseUntilFirstCheckpoint: boolean;
    readonly retained: number;
  };
  readonly restartStrategy: RestartStrategy;
  readonly fromSavepoint: string | undefined;
  readonly resume: boolean;
  readonly allowNonRestoredState: boolean;
  readonly autoWatermarkInterval: number;
  readonly allowUnalignedSourceSplits: boolean;
  readonly ports: Ports;
  readonly hostName: string;
  readonly inspect: InspectionObserver | undefined;
  /** Undefined: none is attached at the start. */
  readonly inspector: InspectorOptions | undefined;
  readonly record: ParsedRecordOptions | undefined;
  readonly logger: Logger | undefined;
  /** Undefined: not served. */
  readonly metrics: ServeMetricsOptions | undefined;
}

const anyObject = v.custom<never>((value) => typeof value === "object" && value !== null);
const storageAddress = expecting<string>(
  (value) => typeof value === "string" && value !== "",
  "a path or s3://bucket/prefix",
);
const positiveDuration = v.pipe(
  duration(),
  v.check((ms) => ms > 0),
);

const schema = v.optional(
  v.strictObject({
    parallelism: v.optional(wholeNumber(1), 1),
    checkpoint: v.optional(
      v.strictObject({
        directory: v.optional(storageAddress),
        storage: v.optional(anyObject),
        interval: v.optional(positiveDuration),
        timeout: v.optional(positiveDuration, 600_000),
        minPause: v.optional(duration(), 0),
        tolerableFailures: v.optional(wholeNumber(0), 0),
        intervalDuringBacklog: v.optional(duration()),
        pauseUntilFirstCheckpoint: v.optional(v.boolean(), false),
        retained: v.optional(wholeNumber(1), 3),
      }),
      {},
    ),
    restartStrategy: v.optional(anyObject),
    fromSavepoint: v.optional(storageAddress),
    resume: v.optional(v.boolean(), false),
    allowNonRestoredState: v.optional(v.boolean(), false),
    autoWatermarkInterval: v.optional(duration(), 200),
    allowUnalignedSourceSplits: v.optional(v.boolean(), false),
    ports: v.optional(anyObject),
    inspect: v.optional(
      expecting<boolean | InspectorOptions | InspectionObserver>(
        (value) => ["boolean", "function", "object"].includes(typeof value) && value !== null,
        "true, an object of options, or a function",
      ),
      false,
    ),
    record: v.optional(
      expecting<string | RecordOptions>(
        (value) => ["string", "object"].includes(typeof value) && value !== null,
        "the path of a file, or an object of options",
      ),
    ),
    logger: v.optional(
      expecting<Logger>(isLogger, "a logger with debug, info, warn and error, such as one of pino"),
    ),
    metrics: v.optional(v.union([v.boolean(), ServeMetricsSchema]), false),
  }),
  {},
);

/** Checks what `job.run` was given; throws OPTION_INVALID with the path, the value and what was expected. */
export function parseRunOptions(options: RunOptions | undefined): JobOptions {
  const parsed = parseOptions("run", schema, options);
  const { checkpoint } = parsed;
  if (checkpoint.directory !== undefined && checkpoint.storage !== undefined) {
    throw conflict("run.checkpoint takes a directory or a storage, not both");
  }
  if (parsed.resume && parsed.fromSavepoint !== undefined) {
    throw conflict("run takes resume or fromSavepoint, not both");
  }
  if (parsed.resume && checkpoint.directory === undefined && checkpoint.storage === undefined) {
    throw conflict("run.resume needs run.checkpoint.directory: nothing else outlives the process");
  }
  const takesCheckpoints = checkpoint.interval !== undefined;
  if (checkpoint.pauseUntilFirstCheckpoint && !takesCheckpoints) {
    throw conflict("run.checkpoint.pauseUntilFirstCheckpoint needs run.checkpoint.interval");
  }
  if (checkpoint.pauseUntilFirstCheckpoint && checkpoint.intervalDuringBacklog === 0) {
    throw conflict(
      "run.checkpoint takes pauseUntilFirstCheckpoint or intervalDuringBacklog 0, not both",
    );
  }
  return {
    ...parsed,
    checkpoint: {
      directory: checkpoint.directory,
      storage: checkpoint.storage,
      interval: checkpoint.interval,
      timeout: checkpoint.timeout,
      minPause: checkpoint.minPause,
      tolerableFailures: checkpoint.tolerableFailures,
      intervalDuringBacklog: checkpoint.intervalDuringBacklog,
      pauseUntilFirstCheckpoint: checkpoint.pauseUntilFirstCheckpoint,
      retained: checkpoint.retained,
    },
    restartStrategy:
      parsed.restartStrategy ?? (takesCheckpoints ? exponentialDelayRestart() : noRestart()),
    fromSavepoint: parsed.fromSavepoint,
    ports: (parsed.ports as Ports | undefined) ?? {},
    hostName: (parsed.ports as Ports | undefined)?.hostName ?? hostname(),
    inspect: typeof parsed.inspect === "function" ? parsed.inspect : undefined,
    inspector: inspectorOf(parsed.inspect),
    record: parsed.record === undefined ? undefined : parseRecordOptions(parsed.record),
    logger: parsed.logger,
    metrics: parsed.metrics === false ? undefined : parsed.metrics === true ? {} : parsed.metrics,
  };
}

/** Checked before anything runs. */
function inspectorOf(inspect: NonNullable<RunOptions["inspect"]>): InspectorOptions | undefined {
  if (inspect === false || typeof inspect === "function") return undefined;
  const options = inspect === true ? {} : inspect;
  parseInspectorOptions(options);
  return options;
}

function isLogger(value: unknown): boolean {
  const logger = value as Record<string, unknown> | undefined;
  return ["debug", "info", "warn", "error"].every((level) => typeof logger?.[level] === "function");
}

function conflict(message: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", message, {
    domain: "user",
    retry: "never",
    scope: "job",
  });
}
