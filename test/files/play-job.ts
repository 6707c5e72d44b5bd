import type { JobDefinition } from "../../src/index.js";
import { JobHarness, type JobHarnessOptions } from "../support/job-harness.js";

/** Virtual milliseconds to one real one: timeouts of 40 s must not pass while a disk is slow. */
const HASTE = 10;
const LONGEST = 60_000;

/** A job that reads real files: they need turns of the event loop, and virtual time passes in between. */
export class FileJob {
  readonly harness: JobHarness;
  readonly #start: number;
  readonly #realStart = performance.now();

  private constructor(harness: JobHarness) {
    this.harness = harness;
    this.#start = harness.now;
  }

  static async start(job: JobDefinition, options: JobHarnessOptions): Promise<FileJob> {
    return new FileJob(await JobHarness.start(job, options));
  }

  /** Lets the job run until the condition holds; throws when the job ends before, or hangs. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.harness.hasEnded) await this.harness.finish();
      await this.#turn();
    }
  }

  async finish(): ReturnType<JobHarness["finish"]> {
    while (!this.harness.hasEnded) await this.#turn();
    return this.harness.finish();
  }

  async result<R>(promise: Promise<R>): Promise<R> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    while (!settled) await this.#turn();
    return promise;
  }

  async #turn(): Promise<void> {
    const elapsed = performance.now() - this.#realStart;
    if (elapsed > LONGEST) {
      throw new Error(`the job hangs\n${JSON.stringify(this.harness.handle.status(), null, 1)}`);
    }
    await this.harness.step(1);
    if (this.harness.now - this.#start < elapsed * HASTE) this.harness.advanceOneTimer();
    await new Promise(setImmediate);
  }
}
