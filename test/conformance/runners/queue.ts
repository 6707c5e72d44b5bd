import { AVAILABLE, type Availability } from "../../../src/mailbox/availability.js";
import { ElementQueue } from "../../../src/reader/index.js";
import type { Json, Runner, Step, StepTrace } from "../protocol.js";

/** The hand-over queue; a put that waits shows as `blocked`. */
export class QueueRunner implements Runner {
  readonly #queue: ElementQueue<number>;
  readonly #futures = new Map<string, Availability>();
  readonly #puts = new Map<string, boolean | "blocked">();

  constructor(config: Json) {
    this.#queue = new ElementQueue(config.capacity ?? undefined);
  }

  step(op: string, step: Step, out: StepTrace): void {
    switch (op) {
      case "future":
        this.#futures.set(step.name, this.#queue.availability());
        return;
      case "put": {
        const name = step.name ?? `p${this.#puts.size}`;
        this.#puts.set(name, "blocked");
        this.#queue.put(step.thread ?? 0, step.value, (accepted) => this.#puts.set(name, accepted));
        return;
      }
      case "poll":
        out.value = this.#queue.poll();
        return;
      case "peek":
        out.value = this.#queue.peek();
        return;
      case "notifyAvailable":
        this.#queue.notifyAvailable();
        return;
      case "wakeUpPutting":
        this.#queue.wakeUpPutter(step.thread ?? 0);
        return;
      default:
        throw new Error(`unknown op ${op}`);
    }
  }

  after(out: StepTrace): void {
    const availability = this.#queue.availability();
    out.size = this.#queue.size;
    out.remaining = this.#queue.remainingCapacity;
    out.available = availability.isDone;
    out.isSharedAvailable = availability === AVAILABLE;
    const futures: Json = {};
    for (const [name, future] of this.#futures) futures[name] = future.isDone;
    out.futures = futures;
    out.puts = Object.fromEntries(this.#puts);
  }
}
