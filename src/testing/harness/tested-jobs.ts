import type { CompletedCheckpoint } from "../../checkpoint/index.js";
import type { JobDefinition, JobResult } from "../../runtime/index.js";
import type { JobClock } from "./job-clock.js";
import { startTestedJob, type TestedJob, type TestedJobOptions, whenAllRun } from "./tested-job.js";

/** The jobs of a scenario, one after another: none outlives it. */
export class TestedJobs {
  readonly #clock: JobClock;
  readonly #running = new Set<TestedJob>();

  /** `clock` follows the job that has started last. */
  constructor(clock: JobClock) {
    this.#clock = clock;
  }

  async start(definition: JobDefinition, options: TestedJobOptions): Promise<TestedJob> {
    const job = await startTestedJob(definition, options);
    this.#clock.current = job.clock;
    this.#running.add(job);
    return job;
  }

  /** Lets a job run to its end. */
  async finish(job: TestedJob): Promise<JobResult> {
    const result = await job.finish();
    this.#running.delete(job);
    return result;
  }

  /** Stops a job with a savepoint; from it another one goes on. */
  async stop(job: TestedJob): Promise<CompletedCheckpoint> {
    const savepoint = await whenAllRun(job, () => job.handle.stop());
    await this.finish(job);
    return savepoint;
  }

  /** Cancels what a failed test has left. */
  async close(): Promise<void> {
    for (const job of this.#running) {
      if (!job.hasEnded) await job.result(job.handle.cancel()).catch(() => {});
    }
  }
}
