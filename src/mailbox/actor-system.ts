import { HeadwaterError, illegalState } from "../errors/index.js";
import type { Actor, ActorContext } from "./actor.js";
import type { Address } from "./address.js";
import { RealClock } from "./clock.js";
import { ActorCell, Dispatcher, type DispatcherOptions } from "./dispatcher.js";
import type { ActorEvent, Envelope } from "./envelope.js";
import type { Journal, JournalOutcome } from "./journal.js";
import type { Cancel, Clock, Random, Scheduler } from "./ports.js";
import { SystemRandom } from "./random.js";
import { RunningMachines } from "./running-machines.js";
import { ImmediateScheduler } from "./scheduler.js";
import { InProcessTransport, type Transport } from "./transport.js";

/** The ports of an actor system; each has the real one as its default. */
export interface ActorSystemOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly scheduler?: Scheduler;
  readonly transport?: Transport;
  readonly dispatcher?: DispatcherOptions;
  readonly journal?: Journal;
  /** Called for an envelope whose receiver never existed; tests throw here. Default: counted only. */
  readonly onDeadLetter?: (envelope: Envelope) => void;
}

/** How many stopped addresses are remembered, to tell a late envelope from a wrong address. */
const TOMBSTONES = 10_000;

interface Registration {
  readonly cell: ActorCell;
  readonly lastSequence: Map<Address, number>;
  readonly timers: Set<Cancel>;
  epoch: number;
}

/**
 * Owns: the actors of one process, their mailboxes and their sequence numbers.
 * Called by: the runtime (spawn, stop) and actors through their context (post).
 * Invariants: an actor handles one event at a time; per sender and receiver events arrive in order
 * and once; what is meant for a stopped actor or an older epoch never reaches anyone.
 */
export class ActorSystem {
  readonly clock: Clock;
  readonly random: Random;
  /** The machines of its actors, for inspectors. */
  readonly machines = new RunningMachines();
  readonly #dispatcher: Dispatcher;
  readonly #transport: Transport;
  /** Undefined while nobody looks. */
  #journals: readonly Journal[] | undefined;
  readonly #onDeadLetter: ((envelope: Envelope) => void) | undefined;
  readonly #actors = new Map<Address, Registration>();
  readonly #stopped = new Set<Address>();
  /** Last sequence used, by receiver and then sender, so that a stopped receiver's numbers can go. */
  readonly #sequences = new Map<Address, Map<Address, number>>();
  readonly #counts = { delivered: 0, duplicates: 0, fenced: 0, deadLetters: 0 };

  constructor(options: ActorSystemOptions = {}) {
    this.clock = options.clock ?? new RealClock();
    this.random = options.random ?? new SystemRandom();
    this.#transport = options.transport ?? new InProcessTransport();
    this.#dispatcher = new Dispatcher(
      options.scheduler ?? new ImmediateScheduler(),
      this.clock,
      options.dispatcher,
    );
    this.#journals = options.journal === undefined ? undefined : [options.journal];
    this.#onDeadLetter = options.onDeadLetter;
    this.#transport.connect((envelope) => this.#deliver(envelope));
  }

  /** What happened to envelopes so far. */
  get counts(): Readonly<{
    delivered: number;
    duplicates: number;
    fenced: number;
    deadLetters: number;
  }> {
    return this.#counts;
  }

  /** The addresses that can receive now. */
  get addresses(): readonly Address[] {
    return [...this.#actors.keys()];
  }

  /** Shows every envelope from now on to a journal too, until cancelled or until it throws. */
  attachJournal(journal: Journal): Cancel {
    const detach = (): void => {
      const others = this.#journals?.filter((one) => one !== attached) ?? [];
      this.#journals = others.length === 0 ? undefined : others;
    };
    const attached: Journal = {
      record(envelope, outcome, time) {
        try {
          journal.record(envelope, outcome, time);
        } catch (error) {
          detach();
          process.emitWarning(`a journal failed: ${String(error)}`);
        }
      },
    };
    // A list of its own: one that is gone through now does not change.
    this.#journals = [...(this.#journals ?? []), attached];
    return detach;
  }

  /**
   * Registers an actor. Its context posts with the given epoch, and it drops envelopes of a lower
   * one. Throws when the address is taken.
   */
  spawn<A extends Actor>(self: Address, create: (context: ActorContext) => A, epoch = 0): A {
    if (this.#actors.has(self)) throw illegalState(`there is already an actor at ${self}`);
    let cell: ActorCell | undefined;
    const timers = new Set<Cancel>();
    const context: ActorContext = {
      self,
      clock: this.clock,
      random: this.random,
      post: (to, event) => this.post(self, to, event, epoch),
      postAfter: (delay, event) => {
        if (cell?.stopped === true) return () => {};
        const cancel = this.clock.schedule(delay, () => {
          timers.delete(cancel);
          this.post(self, self, event, epoch);
        });
        timers.add(cancel);
        return () => {
          timers.delete(cancel);
          cancel();
        };
      },
      wakeDefaultAction: () => {
        if (cell === undefined || cell.stopped) return;
        cell.active = true;
        this.#dispatcher.wake(cell);
      },
      stop: () => this.stop(self),
    };
    const actor = this.#create(create, context, timers);
    cell = new ActorCell(actor as Actor);
    this.#actors.set(self, { cell, lastSequence: new Map(), timers, epoch });
    this.#stopped.delete(self);
    this.#dispatcher.wake(cell);
    return actor;
  }

  /** Sends an event to an address; never waits, never answers. */
  post<E extends ActorEvent>(from: Address, to: Address, event: E, epoch = 0): void {
    let bySender = this.#sequences.get(to);
    if (bySender === undefined) {
      bySender = new Map();
      this.#sequences.set(to, bySender);
    }
    const sequence = (bySender.get(from) ?? 0) + 1;
    bySender.set(from, sequence);
    this.#transport.send({ from, to, epoch, sequence, event });
  }

  /** Unregisters an actor and its timers; what still comes for it is dropped as fenced. */
  stop(self: Address): void {
    const registration = this.#actors.get(self);
    if (registration === undefined) return;
    registration.cell.stopped = true;
    for (const cancel of registration.timers) cancel();
    this.#actors.delete(self);
    this.machines.actorStopped(self);
    this.#sequences.delete(self);
    this.#stopped.add(self);
    if (this.#stopped.size > TOMBSTONES) {
      const oldest = this.#stopped.values().next().value;
      if (oldest !== undefined) this.#forget(oldest);
    }
  }

  #create<A extends Actor>(
    create: (context: ActorContext) => A,
    context: ActorContext,
    timers: ReadonlySet<Cancel>,
  ): A {
    try {
      return create(context);
    } catch (error) {
      for (const cancel of timers) cancel();
      throw error;
    }
  }

  /**
   * Until then its sequence numbers stay on both sides: should an actor come to life again at the
   * address, its first events must not look like duplicates of those of the one before.
   */
  #forget(stopped: Address): void {
    this.#stopped.delete(stopped);
    for (const bySender of this.#sequences.values()) bySender.delete(stopped);
    for (const registration of this.#actors.values()) registration.lastSequence.delete(stopped);
  }

  #deliver(envelope: Envelope): void {
    const registration = this.#actors.get(envelope.to);
    if (registration === undefined) {
      this.#undeliverable(envelope);
      return;
    }
    if (envelope.epoch < registration.epoch) {
      this.#counts.fenced++;
      this.#record(envelope, "fenced");
      return;
    }
    const last = registration.lastSequence.get(envelope.from) ?? 0;
    if (envelope.sequence <= last) {
      this.#counts.duplicates++;
      this.#record(envelope, "duplicate");
      return;
    }
    registration.lastSequence.set(envelope.from, envelope.sequence);
    this.#counts.delivered++;
    this.#record(envelope, "delivered");
    registration.cell.mailbox.enqueue(envelope);
    this.#dispatcher.wake(registration.cell);
  }

  #undeliverable(envelope: Envelope): void {
    this.#sequences.delete(envelope.to);
    if (this.#stopped.has(envelope.to)) {
      this.#counts.fenced++;
      this.#record(envelope, "fenced");
      return;
    }
    this.#counts.deadLetters++;
    this.#record(envelope, "dead-letter");
    this.#onDeadLetter?.(envelope);
  }

  #record(envelope: Envelope, outcome: JournalOutcome): void {
    if (this.#journals === undefined) return;
    const time = this.clock.now();
    for (const journal of this.#journals) journal.record(envelope, outcome, time);
  }
}

/** The `onDeadLetter` of tests: a wrong address is a bug, so it throws at the sender. */
export function throwOnDeadLetter(envelope: Envelope): never {
  throw new HeadwaterError(
    "DEAD_LETTER",
    `nobody has ever lived at ${envelope.to}: ${envelope.event.type} from ${envelope.from}`,
    { domain: "internal", retry: "never", scope: "job" },
  );
}
