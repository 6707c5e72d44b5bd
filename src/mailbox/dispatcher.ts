import type { Actor } from "./actor.js";
import type { Envelope } from "./envelope.js";
import { Mailbox } from "./mailbox.js";
import type { Clock, Scheduler } from "./ports.js";

/** Limits of one dispatcher turn, after which timers and I/O have their chance. */
export interface DispatcherOptions {
  /** Milliseconds; default 5. */
  readonly turnBudget?: number;
  /** Events that one actor may handle before the next one's turn; default 64. */
  readonly eventsPerActor?: number;
  /** Which of `count` actors in line has its turn next, 0 … count − 1; default: the first. For the simulator. */
  readonly choose?: (count: number) => number;
}

/** An actor with its mailbox, as the dispatcher sees it. */
export class ActorCell {
  readonly mailbox = new Mailbox();
  readonly actor: Actor;
  stopped = false;
  queued = false;
  /** Whether the default action wants to run. */
  active: boolean;

  constructor(actor: Actor) {
    this.actor = actor;
    this.active = actor.runDefaultAction !== undefined;
  }

  get hasWork(): boolean {
    return !this.stopped && (this.mailbox.size > 0 || this.active);
  }
}

/**
 * Runs actors fairly: a FIFO of those with work, each a few events and then one slice of its
 * default action, and a yield to the event loop when the turn's budget is used up.
 */
export class Dispatcher {
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #turnBudget: number;
  readonly #eventsPerActor: number;
  readonly #choose: ((count: number) => number) | undefined;
  #ready: ActorCell[] = [];
  #scheduled = false;

  constructor(scheduler: Scheduler, clock: Clock, options: DispatcherOptions = {}) {
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#turnBudget = options.turnBudget ?? 5;
    this.#eventsPerActor = options.eventsPerActor ?? 64;
    this.#choose = options.choose;
  }

  /** Puts the actor in line when it has work and is not in line yet. */
  wake(cell: ActorCell): void {
    if (cell.queued || !cell.hasWork) return;
    cell.queued = true;
    this.#ready.push(cell);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#scheduler.defer(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const end = this.#clock.relativeTime() + this.#turnBudget;
    // Every actor that was in line gets its share, so a busy one cannot starve the others.
    const round = this.#ready;
    this.#ready = [];
    let next = 0;
    try {
      while (next < round.length) {
        if (this.#choose !== undefined) this.#putFirst(round, next);
        const cell = round[next++] as ActorCell;
        cell.queued = false;
        try {
          this.#run(cell);
        } finally {
          this.wake(cell);
        }
        if (this.#clock.relativeTime() >= end) break;
      }
    } finally {
      if (next < round.length) this.#ready = round.slice(next).concat(this.#ready);
      if (this.#ready.length > 0) this.#schedule();
    }
  }

  #putFirst(round: ActorCell[], next: number): void {
    const chosen = next + (this.#choose?.(round.length - next) ?? 0);
    const [cell] = round.splice(chosen, 1);
    if (cell !== undefined) round.splice(next, 0, cell);
  }

  #run(cell: ActorCell): void {
    for (let i = 0; i < this.#eventsPerActor && !cell.stopped; i++) {
      const envelope = cell.mailbox.dequeue();
      if (envelope === undefined) break;
      this.#receive(cell, envelope);
    }
    if (cell.active && cell.mailbox.size === 0 && !cell.stopped) this.#runDefaultAction(cell);
  }

  #receive(cell: ActorCell, envelope: Envelope): void {
    try {
      cell.actor.receive(envelope.event, envelope);
    } catch (error) {
      cell.actor.onError(error);
    }
  }

  #runDefaultAction(cell: ActorCell): void {
    // Set before the call: a wake-up that comes while the action runs must not be lost.
    cell.active = false;
    try {
      if (cell.actor.runDefaultAction?.() === "CONTINUE") cell.active = true;
    } catch (error) {
      cell.active = false;
      cell.actor.onError(error);
    }
  }
}
