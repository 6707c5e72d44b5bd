/** A timer of a key, with the order in which it was set. */
interface Timer<E> {
  readonly time: number;
  readonly order: number;
  readonly owner: E;
}

/** Deleted timers stay in the queue until they are this many more than the others. */
const DELETED = 1024;

/**
 * Event-time timers in the order in which they fire: by time, then as they were set.
 *
 * Owns: a binary heap. Invariants: what `isSet` denies was deleted and never comes out; there are at
 * most 1024 such timers more than set ones.
 */
export class TimerQueue<E> {
  readonly #isSet: (owner: E, time: number) => boolean;
  #heap: Timer<E>[] = [];
  #deleted = 0;
  #next = 0;

  constructor(isSet: (owner: E, time: number) => boolean) {
    this.#isSet = isSet;
  }

  add(owner: E, time: number): void {
    this.#heap.push({ time, order: this.#next++, owner });
    this.#up(this.#heap.length - 1);
  }

  /** The owner has deleted a timer. */
  deleted(): void {
    this.#deleted++;
    if (this.#deleted <= DELETED + this.#heap.length / 2) return;
    const seen = new Map<E, Set<number>>();
    const isFirst = ({ owner, time }: Timer<E>): boolean => {
      const times = seen.get(owner) ?? new Set();
      seen.set(owner, times);
      if (times.has(time)) return false;
      times.add(time);
      return true;
    };
    // Sorted is a heap as well.
    this.#heap = this.#heap
      .filter((timer) => this.#isSet(timer.owner, timer.time))
      .sort((a, b) => (isBefore(a, b) ? -1 : 1))
      .filter(isFirst);
    this.#deleted = 0;
  }

  /** The time of the next timer; Infinity with none. It may be that of a deleted one. */
  get nextTime(): number {
    return this.#heap[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the next timer that is due; undefined: there is none. */
  takeDue(watermark: number): { readonly owner: E; readonly time: number } | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.time > watermark) return undefined;
      const last = this.#heap.pop() as Timer<E>;
      if (this.#heap.length > 0) {
        this.#heap[0] = last;
        this.#down();
      }
      if (this.#isSet(first.owner, first.time)) return first;
      this.#deleted = Math.max(0, this.#deleted - 1);
    }
    return undefined;
  }

  #up(from: number): void {
    const heap = this.#heap;
    const timer = heap[from] as Timer<E>;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent] as Timer<E>)) break;
      heap[at] = heap[parent] as Timer<E>;
      at = parent;
    }
    heap[at] = timer;
  }

  #down(): void {
    const heap = this.#heap;
    const timer = heap[0] as Timer<E>;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer<E>, heap[child] as Timer<E>))
        child++;
      if (!isBefore(heap[child] as Timer<E>, timer)) break;
      heap[at] = heap[child] as Timer<E>;
      at = child;
    }
    heap[at] = timer;
  }
}

function isBefore(a: Timer<unknown>, b: Timer<unknown>): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
