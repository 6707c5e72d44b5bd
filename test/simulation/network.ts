import {
  type Envelope,
  InProcessTransport,
  ReliableTransport,
  SerializingTransport,
  type Transport,
} from "../../src/mailbox/index.js";
import type { Life } from "./life.js";
import { LossyLink } from "./lossy-link.js";

/** How often an envelope comes twice. */
const TWICE = 0.02;

/** Milliseconds within which envelopes of different senders overtake each other. */
const SPREAD = 40;

/** The transport of a life, as its plan says. */
export function createNetwork(life: Life): Transport {
  const { network, latency } = life.world.plan;
  switch (network) {
    case "in-process":
      return latency.network === 0 ? new InProcessTransport() : new SlowTransport(life, "all");
    case "serialized":
      return new SerializingTransport(new SlowTransport(life, "all"));
    case "pairs":
      return new SlowTransport(life, "pair");
    case "two-hosts":
      return new TwoHosts(life);
  }
}

/** Envelopes take their time, in order among all or per sender and receiver; some come twice. */
class SlowTransport implements Transport {
  readonly #life: Life;
  readonly #inOrder: "all" | "pair";
  readonly #lastDue = new Map<string, number>();
  readonly #latency: number;
  #deliver: (envelope: Envelope) => void = () => {};

  constructor(life: Life, inOrder: "all" | "pair") {
    this.#life = life;
    this.#inOrder = inOrder;
    const { network } = life.world.plan.latency;
    // Without a delay nothing overtakes anything.
    this.#latency = inOrder === "all" ? network : Math.max(network, SPREAD);
  }

  connect(deliver: (envelope: Envelope) => void): void {
    this.#deliver = deliver;
  }

  send(envelope: Envelope): void {
    if (!this.#life.isAlive) return;
    const { world } = this.#life;
    const { dice } = world;
    const pair = this.#inOrder === "all" ? "" : `${envelope.from} ${envelope.to}`;
    const delay = dice.int(0, this.#latency);
    const due = Math.max(this.#lastDue.get(pair) ?? 0, world.time + delay);
    this.#lastDue.set(pair, due);
    const arrive = (): void => {
      if (this.#life.isAlive) this.#deliver(envelope);
    };
    world.schedule(due - world.time, arrive);
    if (dice.chance(TWICE)) world.schedule(due - world.time + dice.int(0, 20), arrive);
  }
}

/** Subtasks on one host, everybody else on the other, and a bad line in between. */
class TwoHosts implements Transport {
  readonly #workers: ReliableTransport;
  readonly #masters: ReliableTransport;
  #deliver: (envelope: Envelope) => void = () => {};

  constructor(life: Life) {
    const [there, here] = LossyLink.pair(life);
    const { clock } = life;
    this.#masters = new ReliableTransport({ link: here, clock, peer: "workers", incarnation: 1 });
    this.#workers = new ReliableTransport({ link: there, clock, peer: "masters", incarnation: 1 });
  }

  connect(deliver: (envelope: Envelope) => void): void {
    this.#deliver = deliver;
    this.#masters.connect(deliver);
    this.#workers.connect(deliver);
  }

  send(envelope: Envelope): void {
    const [from, to] = [isWorker(envelope.from), isWorker(envelope.to)];
    if (from === to) this.#deliver(envelope);
    else (from ? this.#workers : this.#masters).send(envelope);
  }
}

function isWorker(address: string): boolean {
  return address.includes("/subtask/");
}
