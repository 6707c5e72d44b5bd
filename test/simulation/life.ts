import { ActorSystem, type Cancel, type Clock, type Scheduler } from "../../src/mailbox/index.js";
import { Census } from "./census.js";
import { createNetwork } from "./network.js";
import type { SimulationRecord } from "./record.js";
import type { World } from "./world.js";

/** How much longer a slow call takes, in milliseconds. */
const SLOW = 150;

/**
 * One life of the process: an actor system on ports of the world. After `die` nothing of it runs any
 * more; nothing was closed or flushed.
 */
export class Life {
  readonly world: World;
  readonly number: number;
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly deadLetters: string[] = [];
  /** What it holds in memory. */
  readonly census = new Census();
  isAlive = true;
  /** Timers of the framework that wait. */
  timers = 0;
  #deferred: (() => void)[] = [];
  #endRecord: (() => void) | undefined;

  constructor(world: World, number: number) {
    this.world = world;
    this.number = number;
    if (world.plan.isLong) this.census.begin();
    else Census.none();
    this.clock = {
      now: () => Math.floor(world.wallClock),
      relativeTime: () => world.lookAtClock(),
      schedule: (delay, callback) => this.#schedule(delay, callback),
    };
    this.scheduler = {
      defer: (callback) => {
        this.#deferred.push(callback);
        if (this.isAlive) world.wake();
      },
    };
    const { journal } = world;
    this.system = new ActorSystem({
      clock: this.clock,
      scheduler: this.scheduler,
      random: world.dice.random,
      transport: createNetwork(this),
      dispatcher: {
        turnBudget: 0,
        eventsPerActor: 1,
        choose: (count) => world.dice.int(0, count - 1),
      },
      onDeadLetter: ({ from, to, event }) =>
        this.deadLetters.push(`${event.type} from ${from} to ${to}`),
      ...(journal !== undefined && {
        journal: {
          record: ({ from, to, sequence, event }, outcome) =>
            world.note(`${outcome} ${from} → ${to} #${sequence} ${JSON.stringify(event)}`),
        },
      }),
    });
  }

  get deferred(): number {
    return this.#deferred.length;
  }

  runDeferred(): void {
    this.#deferred.shift()?.();
  }

  /** Records it from now on until it dies. */
  recordTo(record: SimulationRecord): void {
    this.#endRecord = record.follow(this);
  }

  die(): void {
    this.isAlive = false;
    this.#endRecord?.();
    this.#endRecord = undefined;
    this.#deferred = [];
  }

  /** Throws when it is the place's turn to fail. */
  check(place: string): void {
    const kind = this.world.faults.take(place);
    if (kind === "fail") throw new Error(`${place} fails`);
  }

  /**
   * A call to something outside: the effect happens after a while, the answer comes after another;
   * what is on its way when the process dies may still arrive.
   */
  call<R>(
    place: string,
    latency: number,
    effect: () => R,
    failure = (): Error => new Error(`${place} fails`),
  ): Promise<R> {
    const { world } = this;
    const kind = world.faults.take(place);
    return new Promise((resolve, reject) => {
      if (!this.isAlive) return;
      const answer = (settle: () => void): void => {
        const reply = (): void => {
          if (this.isAlive) settle();
        };
        if (latency === 0) reply();
        else world.schedule(world.dice.int(0, latency), reply);
      };
      const arrive = (): void => {
        if (!this.isAlive && (place.startsWith("disk.") || world.dice.chance(0.5))) return;
        world.note(`call ${place}${kind === undefined ? "" : ` (${kind})`} by life ${this.number}`);
        if (kind === "fail") {
          answer(() => reject(failure()));
          return;
        }
        let result: R;
        try {
          result = effect();
        } catch (error) {
          answer(() => reject(error));
          return;
        }
        answer(() => (kind === "lost" ? reject(failure()) : resolve(result)));
      };
      const delay = world.dice.int(0, latency) + (kind === "slow" ? SLOW : 0);
      world.schedule(delay, arrive);
    });
  }

  #schedule(delay: number, callback: () => void): Cancel {
    this.timers++;
    let isPending = true;
    const settle = (): boolean => {
      const was = isPending;
      if (was) this.timers--;
      isPending = false;
      return was;
    };
    const cancel = this.world.schedule(delay, () => {
      if (settle() && this.isAlive) callback();
    });
    return () => {
      if (settle()) cancel();
    };
  }
}
