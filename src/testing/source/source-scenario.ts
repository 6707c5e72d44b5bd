import type { CompletedCheckpoint } from "../../checkpoint/index.js";
import { MemoryCheckpointStorage } from "../../checkpoint/index.js";
import { noWatermarks } from "../../eventtime/index.js";
import { defineJob, type JobResult } from "../../runtime/index.js";
import { discardSink } from "../../sink/index.js";
import { check, differenceOf, failed } from "../harness/failed.js";
import { JobClock } from "../harness/job-clock.js";
import { Ledger } from "../harness/ledger.js";
import { type TestedJob, whenAllRun } from "../harness/tested-job.js";
import { TestedJobs } from "../harness/tested-jobs.js";
import { canonicalText } from "../lifecycle/canonical-text.js";
import { SourceProbe } from "./source-probe.js";
import type { SystemNeed, TestedSystem, TestSourceOptions } from "./tested-source.js";

/** A job that reads the system, with a look into its source. */
export interface SourceJob<T> {
  readonly job: TestedJob;
  readonly probe: SourceProbe;
  readonly ledger: Ledger<T>;
}

/** How a job of a scenario starts. */
export interface SourceJobOptions {
  readonly parallelism?: number;
  readonly from?: CompletedCheckpoint;
  /** Records that may be read to begin with; default: all. */
  readonly allow?: number;
  /** Called before the job starts. */
  readonly prepare?: (probe: SourceProbe) => void;
}

/** One external system, and the jobs that read it one after another. */
export class SourceScenario<T, SystemT extends TestedSystem<T>> {
  readonly system: SystemT;
  readonly options: TestSourceOptions<T, SystemT>;
  readonly need: SystemNeed;
  readonly textOf: (record: T) => string;
  readonly #jobs: TestedJobs;
  readonly #storage = new MemoryCheckpointStorage();

  private constructor(
    options: TestSourceOptions<T, SystemT>,
    system: SystemT,
    need: SystemNeed,
    clock: JobClock,
  ) {
    this.#jobs = new TestedJobs(clock);
    this.options = options;
    this.system = system;
    this.need = need;
    this.textOf = options.textOf ?? canonicalText;
  }

  /** Makes a system, plays with it, and closes everything. */
  static async play<T, SystemT extends TestedSystem<T>>(
    options: TestSourceOptions<T, SystemT>,
    need: Partial<SystemNeed>,
    action: (scenario: SourceScenario<T, SystemT>) => Promise<void>,
  ): Promise<void> {
    const { manySplits } = options.lacks ?? {};
    const splits = manySplits === undefined ? (need.splits ?? options.splits ?? 3) : 1;
    const clock = new JobClock();
    const asked = { splits, records: need.records ?? options.records ?? 5, clock };
    const system = await options.externalSystem.create(asked);
    const scenario = new SourceScenario<T, SystemT>(options, system, asked, clock);
    try {
      const [there, needed] = [await scenario.total(), splits * asked.records];
      check(
        there >= needed,
        `the external system has ${there} records instead of the ${needed} that were asked for`,
      );
      await action(scenario);
    } finally {
      await scenario.#jobs.close();
      await system.close?.();
    }
  }

  /** Whether jobs end by themselves. */
  get ends(): boolean {
    return this.options.ends ?? this.options.unbounded !== true;
  }

  /** How many records there are to read now. */
  async total(): Promise<number> {
    return (await this.system.expected()).length;
  }

  async start(
    { parallelism = 1, from, allow, prepare }: SourceJobOptions = {},
    source = this.options.source(this.system),
  ): Promise<SourceJob<T>> {
    const probe = new SourceProbe(this.textOf);
    if (allow !== undefined) probe.allow(allow);
    prepare?.(probe);
    const ledger = new Ledger<T>(this.textOf);
    const definition = defineJob("tested-source", (env) => {
      env
        .fromSource(probe.wrap(source), noWatermarks<T>(), { id: "tested" })
        .pipe(ledger.keeping())
        .sinkTo(discardSink());
    });
    const job = await this.#jobs.start(definition, {
      time: this.options.time ?? "real",
      parallelism,
      checkpoint: { storage: this.#storage },
      ...(from === undefined ? {} : { fromSavepoint: from.location }),
    });
    return { job, probe, ledger };
  }

  /** Lets the job read up to `records` in all, and waits until its state has them. */
  async read({ job, probe, ledger }: SourceJob<T>, records: number): Promise<void> {
    probe.allow(records);
    await job.until(() => ledger.seen >= records, `record ${records} of the source`);
  }

  /** Takes a checkpoint; rejects when it fails. */
  async checkpoint({ job }: SourceJob<T>): Promise<void> {
    await whenAllRun(job, () => job.handle.checkpoint());
  }

  /** Stops the job with a savepoint; from it another one goes on. */
  stop({ job }: SourceJob<T>): Promise<CompletedCheckpoint> {
    return this.#jobs.stop(job);
  }

  /** Lets the job read the rest, and checks that its state has each record once. */
  async readAll(running: SourceJob<T>): Promise<JobResult> {
    const { job, probe, ledger } = running;
    probe.allow(Number.POSITIVE_INFINITY);
    const expected = await this.system.expected();
    if (!this.ends) {
      await job
        .until(() => ledger.texts.length >= expected.length, `all ${expected.length} records`)
        .catch((error: unknown) => {
          throw this.#difference(expected, ledger) ?? error;
        });
      await job.rest();
      await whenAllRun(job, () => job.handle.stop());
    }
    const result = await this.#jobs.finish(job);
    const difference = this.#difference(await this.system.expected(), ledger);
    if (difference !== undefined) throw difference;
    check(probe.violations.length === 0, probe.violations.join("; "));
    return result;
  }

  #difference(expected: readonly T[], ledger: Ledger<T>): Error | undefined {
    const texts = expected.map((record) => this.textOf(record));
    const difference = differenceOf(texts, ledger.texts, (text) => text);
    return difference === undefined ? undefined : failed(difference);
  }
}
