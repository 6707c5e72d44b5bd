import { illegalArgument } from "../errors/index.js";
import { AVAILABLE, type Availability, AvailabilityFuture } from "../mailbox/availability.js";

/** Flink's `source.reader.element.queue.capacity`: one batch being read, one waiting. */
export const DEFAULT_ELEMENT_QUEUE_CAPACITY = 2;

interface WaitingPutter<T> {
  readonly putter: number;
  readonly element: T;
  readonly onDone: (accepted: boolean) => void;
  readonly since: number;
}

/**
 * The bounded hand-over between split fetchers and their reader (Flink
 * `FutureCompletingBlockingQueue`); a putter that finds no room waits in line instead of blocking.
 *
 * Owns: the elements, the line of putters and the availability. Called by: fetchers (put), the
 * operator's loop (everything else); callbacks run at once, so they only post.
 * Invariants: elements leave in the order in which they were accepted; somebody waits only while
 * the queue is full; each `onDone` is called exactly once, so no wake-up is lost.
 */
export class ElementQueue<T> {
  readonly capacity: number;
  readonly #elements: (T | undefined)[];
  /** When each was put, by the clock. */
  readonly #times: number[];
  readonly #clock: { now(): number } | undefined;
  #polledSince: number | undefined;
  #head = 0;
  #size = 0;
  #waiting: WaitingPutter<T>[] = [];
  /** Putters whose next wait is to end at once. */
  readonly #wokenUp = new Set<number>();
  /** Undefined while available. */
  #unavailable: AvailabilityFuture | undefined = new AvailabilityFuture();

  /** With a clock it knows when an element was put: one look at the clock each. */
  constructor(capacity = DEFAULT_ELEMENT_QUEUE_CAPACITY, clock?: { now(): number }) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw illegalArgument(`the capacity of an element queue is at least 1, not ${capacity}`);
    }
    this.capacity = capacity;
    this.#elements = new Array(capacity);
    this.#times = new Array<number>(capacity).fill(0);
    this.#clock = clock;
  }

  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get remainingCapacity(): number {
    return this.capacity - this.#size;
  }

  /** When the element that was polled last came to the queue; undefined before any and without a clock. */
  get polledSince(): number | undefined {
    return this.#polledSince;
  }

  /** Done when there is an element or somebody called `notifyAvailable`; then always `AVAILABLE`. */
  availability(): Availability {
    return this.#unavailable ?? AVAILABLE;
  }

  /** Makes the reader look, whether there is an element or not. */
  notifyAvailable(): void {
    const future = this.#unavailable;
    if (future === undefined) return;
    this.#unavailable = undefined;
    future.complete();
  }

  /** The oldest element, which then gives its place to the first putter in line; null when empty. */
  poll(): T | null {
    if (this.#size === 0) {
      this.#moveToUnavailable();
      return null;
    }
    const element = this.#elements[this.#head] as T;
    this.#elements[this.#head] = undefined;
    if (this.#clock !== undefined) this.#polledSince = this.#times[this.#head];
    this.#head = (this.#head + 1) % this.capacity;
    this.#size--;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#append(next.element, next.since);
    if (this.#size === 0) this.#moveToUnavailable();
    next?.onDone(true);
    return element;
  }

  /** The oldest element, which stays; null when empty. */
  peek(): T | null {
    return this.#size === 0 ? null : (this.#elements[this.#head] as T);
  }

  /**
   * Appends when there is room, else waits in line; `onDone(true)` once the element is in the
   * queue, `onDone(false)` when the putter was woken up: then the element is still the putter's.
   */
  put(putter: number, element: T, onDone: (accepted: boolean) => void): void {
    if (element === null || element === undefined) {
      throw illegalArgument("an element queue takes no null");
    }
    const since = this.#clock?.now() ?? 0;
    if (this.#size < this.capacity) {
      this.#append(element, since);
      this.notifyAvailable();
      onDone(true);
    } else if (this.#wokenUp.delete(putter)) {
      onDone(false);
    } else {
      this.#waiting.push({ putter, element, onDone, since });
    }
  }

  /** Ends the putter's waiting, or, when it does not wait, its next waiting. */
  wakeUpPutter(putter: number): void {
    const index = this.#waiting.findIndex((waiting) => waiting.putter === putter);
    if (index < 0) {
      this.#wokenUp.add(putter);
      return;
    }
    const [woken] = this.#waiting.splice(index, 1);
    woken?.onDone(false);
  }

  #append(element: T, since: number): void {
    const at = (this.#head + this.#size) % this.capacity;
    this.#elements[at] = element;
    this.#times[at] = since;
    this.#size++;
  }

  #moveToUnavailable(): void {
    this.#unavailable ??= new AvailabilityFuture();
  }
}
