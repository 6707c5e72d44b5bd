import { MemoryCheckpointStorage } from "../../checkpoint/index.js";
import { HeadwaterError } from "../../errors/index.js";
import {
  ActorSystem,
  type Cancel,
  type Clock,
  type Envelope,
  ManualScheduler,
  SeededRandom,
  SerializingTransport,
  VirtualClock,
} from "../../mailbox/index.js";
import {
  type JobDefinition,
  type JobHandle,
  type JobResult,
  type RunOptions,
  runDefinition,
} from "../../runtime/index.js";
import type { Pipeline } from "../../runtime/pipeline.js";

/**
 * Virtual time that also moves a little whenever it is read, so that a slice of reading ends. It is one
 * time for all: with timers of another, what is always due would keep the others from ever being so.
 */
class TickingClock implements Clock {
  readonly timers = new VirtualClock();
  readonly #tick: number;

  constructor(tick: number) {
    this.#tick = tick;
  }

  now(): number {
    return this.timers.now();
  }

  relativeTime(): number {
    this.timers.pass(this.#tick);
    return this.timers.relativeTime();
  }

  schedule(delay: number, callback: () => void): Cancel {
    return this.timers.schedule(delay, callback);
  }
}

export interface JobHarnessOptions extends Omit<RunOptions, "ports"> {
  /** For jitter; print it. */
  readonly seed?: number;
  /** Milliseconds that pass at each look at the monotonic clock; default 1, so a slice has few polls. */
  readonly tick?: number;
  readonly change?: (pipelines: readonly Pipeline[]) => readonly Pipeline[];
}

/** A job that has not come to an end after this much virtual time hangs. */
const LONGEST_JOB = 30 * 60_000;

/** A whole job, run by hand: every event serialized, every turn and every timer at the test's word. */
export class JobHarness {
  readonly scheduler: ManualScheduler;
  readonly system: ActorSystem;
  readonly handle: JobHandle;
  readonly #clock: TickingClock;
  readonly #deadLetters: Envelope[];
  #outcome: { readonly result?: JobResult; readonly error?: unknown } | undefined;

  private constructor(
    parts: Pick<JobHarness, "scheduler" | "system" | "handle"> & {
      readonly clock: TickingClock;
      readonly deadLetters: Envelope[];
    },
  ) {
    this.scheduler = parts.scheduler;
    this.system = parts.system;
    this.handle = parts.handle;
    this.#clock = parts.clock;
    this.#deadLetters = parts.deadLetters;
    this.handle.done.then(
      (result) => {
        this.#outcome = { result };
      },
      (error: unknown) => {
        this.#outcome = { error };
      },
    );
  }

  /** Starts the job; it runs as far as the test lets it. Rejects with what `run` rejects with. */
  static async start(job: JobDefinition, options: JobHarnessOptions = {}): Promise<JobHarness> {
    const { seed = 1, tick = 1, change, ...runOptions } = options;
    const clock = new TickingClock(tick);
    const scheduler = new ManualScheduler();
    const deadLetters: Envelope[] = [];
    const ports = { clock, scheduler, random: new SeededRandom(seed), hostName: "localhost" };
    const system = new ActorSystem({
      ...ports,
      transport: new SerializingTransport(),
      onDeadLetter: (envelope) => deadLetters.push(envelope),
    });
    const checkpoint = {
      storage: new MemoryCheckpointStorage({}, scheduler),
      ...runOptions.checkpoint,
    };
    const handle = await runDefinition(job, { ...runOptions, checkpoint, ports }, change, system);
    return new JobHarness({ scheduler, system, handle, clock, deadLetters });
  }

  /** Starts the job and lets it run to its end. */
  static async run(job: JobDefinition, options: JobHarnessOptions = {}): Promise<JobResult> {
    return (await JobHarness.start(job, options)).finish();
  }

  get hasEnded(): boolean {
    return this.#outcome !== undefined;
  }

  get now(): number {
    return this.#clock.now();
  }

  /** Runs everything that needs no time to pass. */
  settle(): Promise<void> {
    return this.scheduler.settle();
  }

  /** Runs `turns` turns of the dispatcher at most, and the promises behind each. */
  async step(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) {
      this.scheduler.runOne();
      for (let j = 0; j < 5; j++) await Promise.resolve();
    }
  }

  /** Lets time pass, timer by timer, and everything run that follows. */
  async advance(ms: number): Promise<void> {
    const { timers } = this.#clock;
    const end = timers.now() + ms;
    await this.settle();
    for (let next = timers.nextTimer(); next !== undefined && next <= end; ) {
      timers.advanceToNextTimer();
      await this.settle();
      next = timers.nextTimer();
    }
    timers.advance(Math.max(0, end - timers.now()));
    await this.settle();
  }

  /**
   * Jumps to the next timer and fires it, without letting anything run; not to a timeout that is
   * further away than a second, which nothing that works would reach.
   */
  advanceOneTimer(): void {
    const { timers } = this.#clock;
    const next = timers.nextTimer();
    if (next !== undefined && next <= timers.now() + 1000) timers.advanceToNextTimer();
  }

  /** Lets everything run, turn by turn, until the condition holds; throws when it does not. */
  async until(condition: () => boolean, what = "the condition"): Promise<void> {
    const { timers } = this.#clock;
    const end = timers.now() + LONGEST_JOB;
    await this.step(0);
    while (!condition()) {
      await this.step(1);
      // Promises may be a few turns away from their event.
      for (let i = 0; i < 50 && this.scheduler.pending === 0; i++) await Promise.resolve();
      if (condition() || this.scheduler.pending > 0) continue;
      if (timers.now() > end || !timers.advanceToNextTimer()) {
        const status = JSON.stringify(this.handle.status(), null, 1);
        throw new Error(`${what} has not come by ${timers.now()} ms\n${status}`);
      }
    }
  }

  /** Lets the job run to its end, whichever, and checks that nothing of it is left. */
  async end(): Promise<void> {
    await this.until(() => this.hasEnded, "the end of the job");
    await this.settle();
    this.#checkNothingLeft();
  }

  /** Lets the job run to its good end. */
  async finish(): Promise<JobResult> {
    await this.end();
    if (this.#outcome?.result === undefined) throw this.#outcome?.error;
    return this.#outcome.result;
  }

  /** Lets the job run to its failure, and gives the error. */
  async failure(): Promise<HeadwaterError> {
    await this.end();
    const error = this.#outcome?.error;
    if (error instanceof HeadwaterError) return error;
    throw new Error(`the job has not failed of a HeadwaterError: ${String(error)}`);
  }

  /** Waits for a promise of the handle, letting time pass. */
  async result<R>(promise: Promise<R>): Promise<R> {
    let settled = false;
    promise.then(
      () => {
        settled = true;
      },
      () => {
        settled = true;
      },
    );
    await this.until(() => settled, "the answer");
    return promise;
  }

  #checkNothingLeft(): void {
    const left = {
      actors: [...this.system.addresses],
      timers: this.#clock.timers.pendingTimers,
      deferred: this.scheduler.pending,
      deadLetters: this.#deadLetters.map(({ from, to, event }) => `${event.type} ${from} → ${to}`),
    };
    const isClean =
      left.actors.length === 0 &&
      left.timers === 0 &&
      left.deferred === 0 &&
      left.deadLetters.length === 0;
    if (!isClean) throw new Error(`the job has ended and left ${JSON.stringify(left)}`);
  }
}
