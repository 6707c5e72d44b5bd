import { HeadwaterError } from "../errors/index.js";
import type { Envelope } from "./envelope.js";

/** Far beyond what a healthy job queues; reaching it means that an actor no longer runs. */
export const MAILBOX_LIMIT = 1_000_000;

/** A FIFO queue of envelopes with a limit; amortised O(1) at both ends. */
export class Mailbox {
  #items: (Envelope | undefined)[] = [];
  #head = 0;
  readonly #limit: number;

  constructor(limit = MAILBOX_LIMIT) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Appends; throws MAILBOX_FULL at the limit. */
  enqueue(envelope: Envelope): void {
    if (this.size >= this.#limit) {
      throw new HeadwaterError(
        "MAILBOX_FULL",
        `the mailbox of ${envelope.to} holds ${this.#limit} events; ${envelope.event.type} from ${envelope.from} does not fit`,
        { domain: "internal", retry: "never", scope: "job" },
      );
    }
    this.#items.push(envelope);
  }

  dequeue(): Envelope | undefined {
    if (this.#head === this.#items.length) return undefined;
    const envelope = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return envelope;
  }
}
