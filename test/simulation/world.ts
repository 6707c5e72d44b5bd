import type { Cancel } from "../../src/mailbox/index.js";
import { Dice } from "./dice.js";
import { Disk } from "./disk.js";
import { EventQueue } from "./event-queue.js";
import { Faults } from "./faults.js";
import type { Journal } from "./journal.js";
import { Life } from "./life.js";
import { SimulatedLog } from "./log.js";
import type { Plan } from "./plan.js";
import type { SimulationRecord } from "./record.js";
import { SinkService } from "./sink-service.js";

/** The wall clock at the start: any time that is not 0. */
const WALL_CLOCK = 1_700_000_000_000;

/**
 * Everything there is: time, chance, and the systems outside that outlive the process.
 *
 * Owns: the virtual clock and what is to come. Called by: the supervisor, step by step, and by ports.
 * Invariants: two worlds of one plan do the same; a rule that is broken becomes a violation.
 */
export class World {
  readonly plan: Plan;
  readonly dice: Dice;
  readonly journal: Journal | undefined;
  readonly faults: Faults;
  readonly disk = new Disk();
  readonly log: SimulatedLog;
  readonly sink: SinkService;
  /** Rules that were broken. */
  readonly violations: string[] = [];
  /** Something has stopped or failed, so that records may come again. */
  isDisturbed = false;
  time = 0;
  wallOffset = 0;
  life: Life;
  readonly #queue = new EventQueue();
  /** By what makes them. */
  readonly #only = new Map<unknown, unknown>();
  #lives = 0;
  #record: SimulationRecord | undefined;
  #wake: (() => void) | undefined;

  constructor(plan: Plan, journal?: Journal) {
    this.plan = plan;
    this.journal = journal;
    this.dice = new Dice(plan.seed ^ 0x5bd1e995);
    this.faults = new Faults(plan.faults, (what) => {
      this.isDisturbed = true;
      this.note(`fault ${what}`);
    });
    this.log = new SimulatedLog(plan.splits);
    this.sink = new SinkService(this);
    this.life = new Life(this, this.#lives++);
  }

  /** The only thing of its kind in this world; `make` makes it when it is asked for first. */
  only<T>(make: (world: World) => T): T {
    const made = this.#only.get(make);
    if (made !== undefined) return made as T;
    const only = make(this);
    this.#only.set(make, only);
    return only;
  }

  get wallClock(): number {
    return WALL_CLOCK + this.time + this.wallOffset;
  }

  get lives(): number {
    return this.#lives;
  }

  /** Records this life from now on, and those to come. */
  recordTo(record: SimulationRecord): void {
    this.#record = record;
    this.life.recordTo(record);
  }

  /** Begins the next life of the process. */
  nextLife(): Life {
    this.life.die();
    this.log.closeAll();
    this.life = new Life(this, this.#lives++);
    if (this.#record !== undefined) this.life.recordTo(this.#record);
    return this.life;
  }

  /** Looking at the clock takes time, so that slices of work end. */
  lookAtClock(): number {
    this.time += this.plan.tick;
    return this.time;
  }

  schedule(delay: number, run: () => void): Cancel {
    const entry = this.#queue.add(this.time + Math.max(0, delay), run);
    if (delay <= 0) this.wake();
    return () => {
      entry.run = undefined;
    };
  }

  /** There is something to do before time passes. */
  get isBusy(): boolean {
    const due = this.#queue.next();
    return this.life.deferred > 0 || (due !== undefined && due <= this.time);
  }

  /** Until there is something to do before time passes, or somebody wakes it; then it calls `wake`. */
  sleep(wake: () => void): void {
    this.#wake = wake;
  }

  get isAsleep(): boolean {
    return this.#wake !== undefined;
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  get hasNext(): boolean {
    return this.#queue.next() !== undefined;
  }

  /** Does the next thing; false when there is nothing left to do. */
  step(): boolean {
    const due = this.#queue.next();
    const { life } = this;
    const isDue = due !== undefined && due <= this.time;
    if (life.deferred > 0 && !(isDue && this.dice.chance(0.5))) {
      life.runDeferred();
      return true;
    }
    if (due === undefined) return false;
    this.time = Math.max(this.time, due);
    this.#queue.runNext();
    return true;
  }

  note(what: string): void {
    this.journal?.add(this.time, what);
  }

  violation(what: string): void {
    this.note(`VIOLATION ${what}`);
    if (this.violations.length < 10) this.violations.push(what);
  }
}
