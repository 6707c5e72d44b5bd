import { deserialize, serialize } from "node:v8";
import { HeadwaterError } from "../errors/index.js";
import type { Envelope } from "./envelope.js";
import type { Cancel, Clock } from "./ports.js";
import type { Transport } from "./transport.js";

/** One end of a line to one other process; packets may be lost, repeated, delayed and reordered. */
export interface Link {
  send(packet: Uint8Array): void;
  /** Where packets from the other end go; called once. */
  connect(deliver: (packet: Uint8Array) => void): void;
}

/** What a reliable transport is made of. */
export interface ReliableTransportOptions {
  readonly link: Link;
  readonly clock: Clock;
  /** Names the other process in errors. */
  readonly peer: string;
  /** Grows with each life of this process, such as the time of its start: packets of older ones are dropped. */
  readonly incarnation: number;
  /** Envelopes on the line and not acknowledged; default 256. Both ends take the same. */
  readonly window?: number;
  /** Envelopes that are not acknowledged, those that wait for the window among them; default 100,000. */
  readonly bufferLimit?: number;
  /** Milliseconds until the first retransmission, doubled each time; default 50. */
  readonly retransmitAfter?: number;
  /** The longest time between two retransmissions; default 5 s. */
  readonly maxRetransmitAfter?: number;
}

interface DataPacket {
  readonly type: "data";
  readonly from: number;
  /** The receiver's incarnation; 0: not known yet. */
  readonly to: number;
  readonly number: number;
  readonly envelope: Envelope;
}

interface AckPacket {
  readonly type: "ack";
  readonly from: number;
  readonly to: number;
  /** All before this number have been received. */
  readonly next: number;
}

/**
 * Makes a line that loses, repeats and reorders packets keep the promise of a transport: in order,
 * at least once, for as long as both processes live.
 *
 * Owns: what was sent and not acknowledged, and what came before its turn.
 * Called by: the actor system (`send`), the link and the clock.
 * Invariants: numbers count from 1 for each pair of lives; at most `window` envelopes are on the line
 * and at most as many wait for an earlier one; no timer runs while nothing is unacknowledged. When the
 * other process has started again, what the one before it did not acknowledge is dropped.
 * Errors: `send` throws LIMIT_EXCEEDED when `bufferLimit` is reached.
 */
export class ReliableTransport implements Transport {
  readonly #options: Required<ReliableTransportOptions>;
  #deliver: ((envelope: Envelope) => void) | undefined;
  #peer = 0;
  /** Not acknowledged; the first has the number `#firstUnacknowledged`. */
  #unacknowledged: Envelope[] = [];
  #firstUnacknowledged = 1;
  #onLine = 0;
  #expected = 1;
  readonly #early = new Map<number, Envelope>();
  #delay: number;
  #cancelTimer: Cancel | undefined;
  #isClosed = false;

  constructor(options: ReliableTransportOptions) {
    this.#options = {
      window: 256,
      bufferLimit: 100_000,
      retransmitAfter: 50,
      maxRetransmitAfter: 5_000,
      ...options,
    };
    this.#delay = this.#options.retransmitAfter;
    options.link.connect((packet) => this.#received(packet));
  }

  /** Envelopes that the other process has not acknowledged. */
  get unacknowledged(): number {
    return this.#unacknowledged.length;
  }

  connect(deliver: (envelope: Envelope) => void): void {
    this.#deliver = deliver;
  }

  send(envelope: Envelope): void {
    if (this.#isClosed) return;
    const { bufferLimit, peer } = this.#options;
    if (this.#unacknowledged.length >= bufferLimit) {
      throw new HeadwaterError(
        "LIMIT_EXCEEDED",
        `${bufferLimit} envelopes for ${peer} are not acknowledged; ${envelope.event.type} for ${envelope.to} does not fit`,
        {
          domain: "external",
          retry: "backoff",
          scope: "job",
          hint: `See whether ${peer} still runs and can be reached.`,
        },
      );
    }
    this.#unacknowledged.push(envelope);
    this.#fillWindow();
  }

  /** Sends and delivers nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
    this.#unacknowledged = [];
    this.#early.clear();
  }

  #fillWindow(): void {
    const { window } = this.#options;
    while (this.#onLine < Math.min(window, this.#unacknowledged.length)) {
      this.#transmit(this.#onLine++);
    }
    this.#startTimer();
  }

  #transmit(index: number): void {
    this.#post({
      type: "data",
      from: this.#options.incarnation,
      to: this.#peer,
      number: this.#firstUnacknowledged + index,
      envelope: this.#unacknowledged[index] as Envelope,
    });
  }

  #startTimer(): void {
    if (this.#cancelTimer !== undefined || this.#onLine === 0 || this.#isClosed) return;
    this.#cancelTimer = this.#options.clock.schedule(this.#delay, () => {
      this.#cancelTimer = undefined;
      this.#delay = Math.min(2 * this.#delay, this.#options.maxRetransmitAfter);
      for (let i = 0; i < this.#onLine; i++) this.#transmit(i);
      this.#startTimer();
    });
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #received(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const packet = deserialize(bytes) as DataPacket | AckPacket;
    const { incarnation } = this.#options;
    if (packet.from < this.#peer) return;
    if (packet.from > this.#peer) this.#peerStarted(packet.from);
    if (packet.to !== incarnation && packet.to !== 0) {
      // It was meant for the life before this one: say who lives here now.
      if (packet.to < incarnation) this.#acknowledge();
      return;
    }
    if (packet.type === "ack") this.#acknowledged(packet.next);
    else this.#take(packet);
  }

  /** What it did not hear in its last life is not for this one; before the first contact nothing is lost. */
  #peerStarted(incarnation: number): void {
    const isFirstContact = this.#peer === 0;
    this.#peer = incarnation;
    this.#expected = 1;
    this.#early.clear();
    if (isFirstContact) return;
    this.#unacknowledged = [];
    this.#firstUnacknowledged = 1;
    this.#onLine = 0;
    this.#delay = this.#options.retransmitAfter;
    this.#stopTimer();
  }

  #take({ number, envelope }: DataPacket): void {
    const isInWindow = number >= this.#expected && number < this.#expected + this.#options.window;
    if (isInWindow) this.#early.set(number, envelope);
    const due: Envelope[] = [];
    for (let next = this.#early.get(this.#expected); next !== undefined; ) {
      due.push(next);
      this.#early.delete(this.#expected++);
      next = this.#early.get(this.#expected);
    }
    this.#acknowledge();
    for (const one of due) this.#deliver?.(one);
  }

  #acknowledge(): void {
    const { incarnation } = this.#options;
    this.#post({ type: "ack", from: incarnation, to: this.#peer, next: this.#expected });
  }

  #acknowledged(next: number): void {
    const count = next - this.#firstUnacknowledged;
    if (count <= 0 || count > this.#onLine) return;
    this.#unacknowledged.splice(0, count);
    this.#firstUnacknowledged = next;
    this.#onLine -= count;
    this.#delay = this.#options.retransmitAfter;
    this.#stopTimer();
    this.#fillWindow();
  }

  #post(packet: DataPacket | AckPacket): void {
    this.#options.link.send(serialize(packet));
  }
}
