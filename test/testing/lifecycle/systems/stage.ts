import { deserialize, serialize } from "node:v8";
import {
  type Actor,
  type ActorContext,
  type ActorEvent,
  ActorSystem,
  type Address,
  type Envelope,
  type Scheduler,
  SeededRandom,
  SerializingTransport,
  VirtualClock,
} from "../../../../src/mailbox/index.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import type { MachineProbe } from "./machine-probe.js";

const TEST = "test";
/** Turns of the scheduler after which what an actor posts to itself is not to be expected any more. */
const PATIENCE = 60;

/** Lets others go on until it is so, or is not to be expected any more. */
export async function patience(scheduler: Scheduler, isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < PATIENCE && !isSo(); turn++) {
    await new Promise<void>((resolve) => scheduler.defer(resolve));
  }
}

interface Waiting {
  matches(event: ActorEvent): boolean;
  done(hasCome: boolean): void;
}

/** What was posted to whom. */
export interface Posted {
  readonly to: Address;
  readonly event: ActorEvent;
}

/**
 * A real actor in a real actor system, on the scheduler of the test.
 *
 * What the test does is done in the actor's loop, in its turn among the other events. What the actor
 * posts to itself, or actors below it post to it, comes through its mailbox too, and is held until the
 * test lets it through: so the answer of an I/O call is an event of its own. Timers fire by hand, and
 * the default action runs only in a turn of the test.
 */
export class Stage<A extends Actor<never>> {
  readonly system: ActorSystem;
  readonly actor: A;
  readonly timers = new Set<ActorEvent>();
  /** `onError` itself has thrown. */
  broken: unknown;
  isStopped = false;
  readonly #scheduler: Scheduler;
  readonly #self: Address;
  readonly #isInterleaved: boolean;
  readonly #passes: ReadonlySet<string>;
  #doing: (() => void)[] = [];
  #waiting: Waiting[] = [];
  readonly #held: ActorEvent[] = [];
  #sent: Posted[] = [];
  #answering: Promise<unknown> = Promise.resolve();

  /** Events of the types that pass are never held. */
  constructor(
    ports: LifecyclePorts,
    self: Address,
    create: (context: ActorContext) => A,
    passes: readonly string[] = [],
  ) {
    this.#passes = new Set(passes);
    const { scheduler, isInterleaved } = ports;
    this.#scheduler = scheduler;
    this.#isInterleaved = isInterleaved;
    this.#self = self;
    this.system = new ActorSystem({
      clock: new VirtualClock(),
      random: new SeededRandom(1),
      scheduler,
      transport: new SerializingTransport(),
      journal: {
        record: ({ from, to, event }, outcome) => {
          if (from === self && to !== self) this.#sent.push({ to, event });
          else if (from === TEST && outcome === "fenced") this.#doNext();
        },
      },
    });
    let made: A | undefined;
    this.system.spawn(self, (context) => {
      const actor = create({
        ...context,
        postAfter: (_, event) => {
          this.timers.add(event);
          return () => void this.timers.delete(event);
        },
        stop: () => {
          this.isStopped = true;
          context.stop();
          for (const { done } of this.#waiting.splice(0)) done(false);
          // The mailbox is gone with what was in it.
          for (let left = this.#doing.length; left > 0; left--)
            queueMicrotask(() => this.#doNext());
        },
      });
      made = actor;
      return {
        receive: (event, envelope) => this.#receive(event, envelope),
        onError: (error) => this.#onError(error),
      };
    });
    this.actor = made as unknown as A;
  }

  /** Does it in the actor's loop, in its turn; after the actor's end, at once. */
  turn<T>(action: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#doing.push(() => {
        try {
          resolve(action());
        } catch (error) {
          this.#onError(error);
          resolve(undefined as T);
        }
      });
      this.system.post(TEST, this.#self, { type: "Turn" });
    });
  }

  /** Lets others go on until it is so, or is not to be expected any more. */
  patience(isSo: () => boolean): Promise<void> {
    return patience(this.#scheduler, isSo);
  }

  /**
   * Brings an event about in the actor's loop. What the action says it cannot bring about goes into the
   * machine itself, which must know what to do all the same; among other events an illegal one is
   * dropped.
   */
  bring(probe: MachineProbe, event: ActorEvent, action: () => boolean): Promise<void> {
    return this.turn(() => {
      if (this.#isInterleaved && probe.isIllegal(event)) return;
      if (!action()) probe.inject(event);
    });
  }

  /** Gives the actor an event as its mailbox would; within a turn. */
  receive(event: ActorEvent): void {
    if (this.isStopped) return;
    const copy = deserialize(serialize(event)) as never;
    try {
      this.actor.receive(copy, undefined as never);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** One answer of the outside world at a time: the next waits until this one has been heard. */
  answer<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#answering.then(work);
    this.#answering = result.catch(() => undefined);
    return result;
  }

  /**
   * Lets the next event through that matches and is held already or comes now; false: none does.
   */
  async letThrough(
    type: string,
    matches: (event: ActorEvent) => boolean = () => true,
  ): Promise<boolean> {
    const isIt = (event: ActorEvent): boolean => event.type === type && matches(event);
    let outcome: boolean | undefined;
    const waiting: Waiting = {
      matches: isIt,
      done: (hasCome) => {
        outcome = hasCome;
      },
    };
    await this.turn(() => {
      if (this.deliverHeld(isIt)) outcome = true;
      else this.#waiting.push(waiting);
    });
    await patience(this.#scheduler, () => outcome !== undefined || this.isStopped);
    this.#waiting = this.#waiting.filter((one) => one !== waiting);
    return outcome === true;
  }

  /** The same for what is there already; within a turn. */
  deliverHeld(matches: (event: ActorEvent) => boolean): boolean {
    const index = this.#held.findIndex(matches);
    if (index < 0) return false;
    const [event] = this.#held.splice(index, 1);
    this.receive(event as ActorEvent);
    return true;
  }

  /** Takes the timer whose event has the type; undefined: it does not run. */
  takeTimer(type: string): ActorEvent | undefined {
    const event = [...this.timers].findLast((one) => one.type === type);
    if (event !== undefined) this.timers.delete(event);
    return event;
  }

  /** What was posted to others since the last call. */
  takeSent(): readonly Posted[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  #receive(event: ActorEvent, { from }: Envelope): void {
    if (from === TEST) {
      this.#doNext();
      return;
    }
    const index = this.#waiting.findIndex(({ matches }) => matches(event));
    const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiting === undefined && !this.#passes.has(event.type)) {
      this.#held.push(event);
      return;
    }
    this.receive(event);
    waiting?.done(true);
  }

  #doNext(): void {
    this.#doing.shift()?.();
  }

  #onError(error: unknown): void {
    try {
      this.actor.onError(error);
    } catch (second) {
      this.broken = second;
    }
  }
}
