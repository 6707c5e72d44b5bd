import { FileCheckpointStorage } from "../../src/checkpoint/index.js";
import { explain } from "../../src/errors/index.js";
import {
  fixedDelayRestart,
  type JobHandle,
  type JobResult,
  runDefinition,
} from "../../src/runtime/index.js";
import type { SimulatedJob } from "./jobs/simulated-job.js";
import type { Action } from "./plan.js";
import type { World } from "./world.js";

const DIRECTORY = "/checkpoints";
/** A run takes some thousands of steps. */
const MAX_STEPS = 400_000;
/** Of one life without an action; a job that works has ended long before. */
const LONGEST_LIFE = 120_000;
const MAX_LIVES = 60;
/** Steps after its end in which everything of a life must have gone. */
const MAX_STEPS_AFTER_END = 5_000;
/** To wait for one turn of promises. */
const DONE = Promise.resolve();
/** Milliseconds between two tries to drain a job that has done everything. */
const DRAIN_INTERVAL = 100;
/** Steps between two looks at what is held in memory, in a long run. */
const LOOK_AT_MEMORY = 500;
/** Things that one collection may hold: fewer than the splits that come and go in a long run. */
const MAX_HELD = 48;
/** Those that may hold more. */
const LIMITS: Readonly<Record<string, number>> = {
  // With the sequence numbers of everybody that wrote to them.
  "ActorSystem.#actors": 180,
  "ActorSystem.#sequences": 170,
  // Up to 10,000 by design.
  "ActorSystem.#stopped": 10_000,
  // What was taken goes when the mailbox is empty, or by the thousand.
  "Mailbox.#items": 1_500,
  "RunningMachines.#below": 120,
  // A chunk.
  "ProcessRun.#records": 1_024,
  "ProcessRun.#timestamps": 1_024,
  // With the state of keys, which is the user's.
  "TimerQueue.#heap": 3_000,
  "ProcessRun.#context": 200,
  "KeyedProcessRun.#entries": 1_000,
  "KeyedProcessRun.#entry": 1_000,
};
/** Far above what a healthy run has at once. */
const MAX_TIMERS = 300;

type Ending = { readonly result: JobResult } | { readonly error: unknown };

/**
 * Runs the job as its user would: starts it, does to it what the plan says, and starts it again from
 * the disk until it has finished.
 */
export class Supervisor {
  readonly #world: World;
  readonly #job: SimulatedJob;
  #handle: JobHandle | undefined;
  #ending: Ending | undefined;
  #parallelism: number;
  #nextAction = 0;
  #stepsToAction: number;
  #steps = 0;
  #lifeEnds = 0;
  /** Reads of the disk that have failed until this life began. */
  #readFaults = 0;
  #drainsAt = 0;
  #isOver = false;
  #looksWhenQuiet = false;

  constructor(world: World, job: SimulatedJob) {
    this.#world = world;
    this.#job = job;
    this.#parallelism = world.plan.parallelism;
    this.#stepsToAction = world.plan.actions[0]?.steps ?? 0;
  }

  async run(): Promise<number> {
    this.#start();
    const { hops } = this.#world.plan;
    while (!this.#isOver && this.#world.violations.length === 0) {
      for (let i = 0; i < hops; i++) await DONE;
      if (this.#ending !== undefined) await this.#ended(this.#ending);
      else {
        this.#act();
        this.#drainWhenComplete();
        // Promises take no time: what comes of them comes before the next timer.
        if (!this.#world.isBusy) await this.#quiet();
        if (this.#ending === undefined) this.#step();
        await DONE;
      }
    }
    if (this.#world.violations.length === 0) this.#job.check(this.#world);
    return this.#steps;
  }

  #start(): void {
    const world = this.#world;
    const { life, plan } = world;
    this.#ending = undefined;
    this.#handle = undefined;
    this.#lifeEnds = world.time + LONGEST_LIFE;
    this.#readFaults = this.#failedReads();
    world.note(`life ${life.number} begins with parallelism ${this.#parallelism}`);
    const storage = new FileCheckpointStorage(
      { directory: DIRECTORY, jobName: "simulated", retained: 2 },
      { fileSystem: world.disk.fileSystem(life), scheduler: life.scheduler },
    );
    const { interval, timeout } = plan;
    const end = (ending: Ending): void => {
      if (!life.isAlive) return;
      this.#ending = ending;
      world.wake();
    };
    const { clock, scheduler } = life;
    const ports = { clock, scheduler, random: world.dice.random, hostName: "localhost" };
    runDefinition(
      this.#job.define(world),
      {
        parallelism: this.#parallelism,
        checkpoint: { storage, interval, timeout, tolerableFailures: 1_000_000 },
        restartStrategy: fixedDelayRestart({ attempts: 1_000_000, delay: plan.restartDelay }),
        resume: true,
        autoWatermarkInterval: plan.watermarkInterval,
        ports,
      },
      undefined,
      life.system,
    ).then(
      (handle) => {
        if (!life.isAlive) return;
        this.#handle = handle;
        handle.done.then(
          (result) => end({ result }),
          (error: unknown) => end({ error }),
        );
      },
      (error: unknown) => end({ error }),
    );
  }

  #step(): void {
    const world = this.#world;
    world.step();
    this.#steps++;
    this.#stepsToAction--;
    if (this.#steps > MAX_STEPS) world.violation(`not at its end after ${MAX_STEPS} steps`);
    if (world.time > this.#lifeEnds) world.violation(`hangs: ${this.#status()}`);
    if (world.life.timers > MAX_TIMERS) world.violation(`${world.life.timers} timers wait`);
    if (world.plan.isLong && this.#steps % LOOK_AT_MEMORY === 0) this.#checkMemory();
    const [deadLetter] = world.life.deadLetters;
    if (deadLetter !== undefined) world.violation(`a dead letter: ${deadLetter}`);
  }

  /** Waits for what promises bring: something to do, or nothing more. */
  #quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.#world.sleep(resolve);
      if (this.#looksWhenQuiet) return;
      this.#looksWhenQuiet = true;
      // Node comes to its ticks when no promise has anything left to do.
      process.nextTick(() => {
        this.#looksWhenQuiet = false;
        this.#nothingMore();
      });
    });
  }

  #nothingMore(): void {
    const world = this.#world;
    if (!world.isAsleep) return;
    if (!world.hasNext) world.violation(`hangs, and nothing is to come: ${this.#status()}`);
    world.wake();
  }

  #act(): void {
    const action = this.#world.plan.actions[this.#nextAction];
    if (action === undefined || this.#stepsToAction > 0) return;
    this.#nextAction++;
    this.#stepsToAction = this.#world.plan.actions[this.#nextAction]?.steps ?? 0;
    this.#lifeEnds = this.#world.time + LONGEST_LIFE;
    this.#world.isDisturbed = true;
    this.#world.note(`action ${action.kind}`);
    this.#do(action);
  }

  #do({ kind, parallelism, ms }: Action): void {
    const world = this.#world;
    switch (kind) {
      case "crash":
      case "power-cut":
        world.life.die();
        if (kind === "power-cut") world.disk.powerCut(world.dice);
        this.#nextLife(parallelism);
        break;
      case "clock-jump":
        world.wallOffset += ms;
        break;
      case "checkpoint":
        this.#handle?.checkpoint().catch(() => {});
        break;
      case "savepoint":
        this.#handle?.savepoint(DIRECTORY).catch(() => {});
        break;
      case "cancel":
        this.#parallelism = parallelism;
        this.#handle?.cancel().catch(() => {});
        break;
      case "stop":
      case "drain":
        this.#parallelism = parallelism;
        this.#handle?.stop({ target: DIRECTORY, drain: kind === "drain" }).catch(() => {});
        break;
    }
  }

  /** Savepoints fail, so that it is tried again. */
  #drainWhenComplete(): void {
    const world = this.#world;
    if (world.time < this.#drainsAt || this.#handle === undefined) return;
    if (this.#job.isComplete?.(world) !== true) return;
    this.#drainsAt = world.time + DRAIN_INTERVAL;
    world.note("everything is done");
    this.#handle.stop({ target: DIRECTORY, drain: true }).catch(() => {});
  }

  #nextLife(parallelism: number): void {
    this.#parallelism = parallelism;
    const { lives } = this.#world;
    if (lives >= MAX_LIVES) this.#world.violation(`not at its end after ${lives} lives`);
    this.#world.nextLife();
    this.#start();
  }

  async #ended(ending: Ending): Promise<void> {
    const world = this.#world;
    if ("error" in ending) {
      world.note(`life ${world.life.number} fails: ${explain(ending.error)}`);
      // A job that cannot read its checkpoints ends; whoever runs it tries again.
      if (this.#failedReads() === this.#readFaults) {
        world.violation(`the job failed: ${explain(ending.error)}`);
        return;
      }
    } else {
      const { state, savepoint } = ending.result;
      world.note(`life ${world.life.number} ends ${state}${savepoint ? " with a savepoint" : ""}`);
      const isComplete = savepoint === undefined || this.#job.isComplete?.(world) === true;
      this.#isOver = state === "FINISHED" && isComplete;
      await this.#checkNothingLeft();
    }
    if (!this.#isOver && world.violations.length === 0) this.#nextLife(this.#parallelism);
  }

  async #checkNothingLeft(): Promise<void> {
    const world = this.#world;
    const { life } = world;
    const isLeft = (): boolean =>
      life.system.addresses.length > 0 || life.timers > 0 || life.deferred > 0;
    for (let i = 0; isLeft() && i < MAX_STEPS_AFTER_END; i++) {
      world.step();
      await DONE;
    }
    if (!isLeft()) return;
    const left = { actors: life.system.addresses, timers: life.timers, deferred: life.deferred };
    world.violation(`the job has ended and left ${JSON.stringify(left)}`);
  }

  /** Nothing grows: what is there for a while goes again. */
  #checkMemory(): void {
    const { life } = this.#world;
    for (const { where, size } of life.census.above(MAX_HELD)) {
      if (size > (LIMITS[where] ?? MAX_HELD))
        this.#world.violation(`${where} holds ${size} things in memory`);
    }
  }

  #failedReads(): number {
    const { hits } = this.#world.faults;
    const places = ["disk.readFile", "disk.readDirectory", "disk.syncDirectory"];
    return places.reduce((sum, place) => sum + (hits.get(place) ?? 0), 0);
  }

  #status(): string {
    return JSON.stringify(this.#handle?.status() ?? "the job has not started");
  }
}
