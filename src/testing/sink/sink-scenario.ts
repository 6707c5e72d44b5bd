import { type CompletedCheckpoint, MemoryCheckpointStorage } from "../../checkpoint/index.js";
import { noWatermarks } from "../../eventtime/index.js";
import { RealClock } from "../../mailbox/index.js";
import { defineJob, type JobResult, noRestart } from "../../runtime/index.js";
import { MemoryLog, memoryLogSource } from "../external/index.js";
import { check, differenceOf, failed } from "../harness/failed.js";
import { JobClock } from "../harness/job-clock.js";
import { type TestedJob, whenAllRun } from "../harness/tested-job.js";
import { TestedJobs } from "../harness/tested-jobs.js";
import { canonicalText } from "../lifecycle/canonical-text.js";
import { SourceProbe } from "../source/source-probe.js";
import { SinkProbe } from "./sink-probe.js";
import type { TestedTarget, TestSinkOptions } from "./tested-sink.js";

/** A job that writes records to the target, with a look into its sink. */
export interface SinkJob {
  readonly job: TestedJob;
  readonly input: SourceProbe;
  readonly probe: SinkProbe;
}

/** How a job of a scenario starts. */
export interface SinkJobOptions {
  readonly parallelism?: number;
  readonly from?: CompletedCheckpoint;
  /** Records that may be read to begin with; default: all. */
  readonly allow?: number;
  /** A failure ends the job. */
  readonly failsForGood?: boolean;
  /** Called before the job starts. */
  readonly prepare?: (probe: SinkProbe) => void;
}

/** Splits of the input, so that as many subtasks have something to write. */
const SPLITS = 4;
/** Milliseconds between two periodic checkpoints: the suite asks for its own. */
const RARELY = 600_000;

/** Looks at what can be seen, and milliseconds between two of them. */
const MAX_LOOKS = 300;
const BETWEEN_LOOKS = 20;

/** One target, and the jobs that write to it one after another: together all records of one log. */
export class SinkScenario<T, TargetT extends TestedTarget<T>> {
  readonly target: TargetT;
  readonly options: TestSinkOptions<T, TargetT>;
  readonly log: MemoryLog<T>;
  readonly storage = new MemoryCheckpointStorage({ retained: 10 });
  readonly #jobs: TestedJobs;
  readonly #textOf: (record: T) => string;

  private constructor(
    options: TestSinkOptions<T, TargetT>,
    target: TargetT,
    records: number,
    clock: JobClock,
  ) {
    this.#jobs = new TestedJobs(clock);
    this.options = options;
    this.target = target;
    this.#textOf = options.textOf ?? canonicalText;
    const splits = Array.from({ length: SPLITS }, (): T[] => []);
    for (let n = 0; n < records; n++) splits[n % SPLITS]?.push(options.record(n));
    this.log = new MemoryLog(splits).end();
  }

  /** Makes a target, plays with it, and closes everything. */
  static async play<T, TargetT extends TestedTarget<T>>(
    options: TestSinkOptions<T, TargetT>,
    records: number,
    action: (scenario: SinkScenario<T, TargetT>) => Promise<void>,
  ): Promise<void> {
    const clock = new JobClock();
    const target = await options.externalSystem.create({ clock });
    const scenario = new SinkScenario<T, TargetT>(options, target, records, clock);
    try {
      await action(scenario);
    } finally {
      await scenario.#jobs.close();
      await target.close?.();
    }
  }

  async start(options: SinkJobOptions = {}): Promise<SinkJob> {
    const { parallelism = 1, from, allow, failsForGood = false, prepare } = options;
    const input = new SourceProbe(this.#textOf);
    if (allow !== undefined) input.allow(allow);
    const probe = new SinkProbe();
    prepare?.(probe);
    const sink = this.options.sink(this.target);
    const definition = defineJob("tested-sink", (env) => {
      env
        .fromSource(input.wrap<T>(memoryLogSource(this.log)), noWatermarks<T>(), { id: "tested" })
        .sinkTo(probe.wrap(sink));
    });
    const job = await this.#jobs.start(definition, {
      time: this.options.time ?? "real",
      parallelism,
      // With periodic ones the end of the input is committed behind a checkpoint, too.
      checkpoint: { storage: this.storage, interval: RARELY },
      ...(from === undefined ? {} : { fromSavepoint: from.location }),
      ...(failsForGood ? { restartStrategy: noRestart() } : {}),
    });
    return { job, input, probe };
  }

  /** Lets the job read up to `records` in all. */
  async read({ job, input }: SinkJob, records: number): Promise<void> {
    input.allow(records);
    await job.until(() => input.emitted >= records, `record ${records} of the input`);
  }

  /** Takes a checkpoint; rejects when it fails. */
  async checkpoint({ job }: SinkJob): Promise<CompletedCheckpoint> {
    return whenAllRun(job, () => job.handle.checkpoint());
  }

  /** Stops the job with a savepoint; from it another one goes on. */
  stop({ job }: SinkJob): Promise<CompletedCheckpoint> {
    return this.#jobs.stop(job);
  }

  /** Lets the job write the rest, and checks that the target has what it has to. */
  async writeAll(running: SinkJob): Promise<JobResult> {
    running.input.allow(Number.POSITIVE_INFINITY);
    const result = await this.#jobs.finish(running.job);
    await this.#checkVisible(running.job.handle.status().restarts > 0);
    const { violations } = running.probe;
    check(violations.length === 0, violations.join("; "));
    return result;
  }

  /** The texts of what can be seen in the target now. */
  async visible(): Promise<readonly string[]> {
    return (await this.target.visible()).map((record) => this.#textOf(record));
  }

  /** The same, as soon as these are among them: some systems show a commit a moment later. */
  async visibleWith(expected: readonly string[]): Promise<readonly string[]> {
    const clock = new RealClock();
    for (let look = 1; ; look++) {
      const visible = await this.visible();
      const there = new Set(visible);
      const isThere = expected.every((text) => there.has(text));
      if (isThere || look === MAX_LOOKS || this.options.time === "virtual") return visible;
      await new Promise<void>((resolve) => clock.schedule(BETWEEN_LOOKS, resolve));
    }
  }

  /** What the target has to have of the records that the job has read. */
  textsRead(running: SinkJob): readonly string[] {
    return [...running.input.bySplit.values()].flat();
  }

  async #checkVisible(hasFailed: boolean): Promise<void> {
    const { delivery } = this.options;
    if (hasFailed && delivery === "none") return;
    const expected = this.log.records.map((record) => this.#textOf(record));
    const visible = await this.visibleWith(expected);
    const actual = hasFailed && delivery === "at-least-once" ? [...new Set(visible)] : visible;
    const difference = differenceOf(expected, actual, (text) => text);
    if (difference !== undefined) throw failed(difference);
  }
}
