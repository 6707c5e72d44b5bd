import type { CompletedCheckpoint } from "../../checkpoint/index.js";
import { HeadwaterError, messageOf } from "../../errors/index.js";
import { ActorSystem, type Clock, RealClock, SerializingTransport } from "../../mailbox/index.js";
import {
  fixedDelayRestart,
  type JobDefinition,
  type JobHandle,
  type JobResult,
  type RunOptions,
  runDefinition,
} from "../../runtime/index.js";
import { failed } from "./failed.js";
import { JobHarness } from "./job-harness.js";

/**
 * `"virtual"`: nothing outside the process is waited for; time jumps from timer to timer. `"real"`:
 * sockets, files and threads need the real one.
 */
export type TestTime = "virtual" | "real";

/** How a job of a suite is run. */
export interface TestedJobOptions extends Omit<RunOptions, "ports"> {
  readonly time: TestTime;
}

/** Milliseconds after which a job in real time counts as hung. */
const LONGEST_WAIT = 60_000;
/** Milliseconds between two looks at a job in real time. */
const LOOK = 1;
/** Turns, or milliseconds of real time, of a rest. */
const REST_TURNS = 400;
const REST = 30;

/** A job of a suite, in virtual or in real time; every envelope is serialized. */
export interface TestedJob {
  readonly handle: JobHandle;
  /** The time that the job lives in. */
  readonly clock: Clock;
  readonly hasEnded: boolean;
  /** Lets the job run until the condition holds; rejects when the job ends before, or hangs. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets the job run until the promise is settled. */
  result<R>(promise: Promise<R>): Promise<R>;
  /** Lets the job run for a while, whether or not it has something to do. */
  rest(): Promise<void>;
  /** Lets the job run until nothing of it is left; rejects with what it failed of. */
  finish(): Promise<JobResult>;
}

/** Starts a job that starts again after a failure at once, up to 20 times. */
export async function startTestedJob(
  job: JobDefinition,
  { time, ...options }: TestedJobOptions,
): Promise<TestedJob> {
  const restartStrategy = fixedDelayRestart({ attempts: 20, delay: 1 });
  const runOptions = { restartStrategy, ...options };
  if (time === "real") return RealJob.start(job, runOptions);
  const harness = await JobHarness.start(job, runOptions);
  return {
    handle: harness.handle,
    clock: harness.system.clock,
    get hasEnded() {
      return harness.hasEnded;
    },
    async until(condition, what) {
      await harness.until(() => condition() || harness.hasEnded, what);
      if (!condition()) await endedTooSoon(harness.finish(), what);
    },
    result: (promise) => harness.result(promise),
    async rest() {
      for (let i = 0; i < REST_TURNS && !harness.hasEnded; i++) {
        await harness.step(1);
        if (harness.scheduler.pending === 0) harness.advanceOneTimer();
      }
    },
    finish: () => harness.finish(),
  };
}

class RealJob implements TestedJob {
  readonly handle: JobHandle;
  readonly clock: RealClock;
  hasEnded = false;

  private constructor(handle: JobHandle, clock: RealClock) {
    this.handle = handle;
    this.clock = clock;
    const ended = (): void => {
      this.hasEnded = true;
    };
    handle.done.then(ended, ended);
  }

  static async start(job: JobDefinition, options: RunOptions): Promise<RealJob> {
    const clock = new RealClock();
    const ports = { clock };
    const system = new ActorSystem({ ...ports, transport: new SerializingTransport() });
    return new RealJob(await runDefinition(job, { ...options, ports }, undefined, system), clock);
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await this.#wait(() => condition() || this.hasEnded, what);
    if (!condition()) await endedTooSoon(this.handle.done, what);
  }

  async result<R>(promise: Promise<R>): Promise<R> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.#wait(() => settled, "the answer");
    return promise;
  }

  async rest(): Promise<void> {
    await new Promise<void>((resolve) => this.clock.schedule(REST, resolve));
  }

  async finish(): Promise<JobResult> {
    await this.#wait(() => this.hasEnded, "the end of the job");
    return this.handle.done;
  }

  async #wait(condition: () => boolean, what: string): Promise<void> {
    const end = this.clock.relativeTime() + LONGEST_WAIT;
    while (!condition()) {
      if (this.clock.relativeTime() > end) {
        const status = JSON.stringify(this.handle.status(), null, 1);
        throw failed(`${what} has not come within ${LONGEST_WAIT / 1000} s\n${status}`);
      }
      await new Promise<void>((resolve) => this.clock.schedule(LOOK, resolve));
    }
  }
}

/** How often a checkpoint is asked for while the subtasks of a job are still starting. */
const MAX_REQUESTS = 50;

/** Asks for a checkpoint or a savepoint until all subtasks run; rejects when it fails. */
export async function whenAllRun(
  job: TestedJob,
  request: () => Promise<CompletedCheckpoint>,
): Promise<CompletedCheckpoint> {
  for (let i = 1; ; i++) {
    await job.until(() => job.handle.status().state === "RUNNING", "the start of all subtasks");
    try {
      return await job.result(request());
    } catch (error) {
      if (i === MAX_REQUESTS || !isTooSoon(error)) throw error;
      await job.rest();
    }
  }
}

/** A checkpoint that was refused, not one that has failed. */
function isTooSoon(error: unknown): boolean {
  return (
    error instanceof HeadwaterError &&
    error.code === "CHECKPOINT_ABORTED" &&
    error.message.startsWith("no checkpoint was taken")
  );
}

async function endedTooSoon(end: Promise<JobResult>, what: string): Promise<never> {
  const state = await end.then(
    (result) => result.state,
    (error: unknown) => {
      throw failed(`the job failed before ${what}: ${messageOf(error)}`, error);
    },
  );
  throw failed(`the job has ended (${state}) before ${what}`);
}
