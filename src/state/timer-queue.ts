/** One event-time timer of a key. */
export interface Timer<E> {
  readonly owner: E;
  readonly time: number;
  /** In which timers were set. */
  readonly order: number;
  isDeleted: boolean;
}

/** So many deleted timers may stay in the queue whatever else is in it. */
const DELETED = 1024;

/**
 * Event-time timers in the order in which they fire: by time, then as they were set.
 *
 * Owns: a binary heap. Invariants: a deleted timer never comes out, also when its owner has set another
 * for the same time; no more than half of the heap and 1024 are deleted ones.
 */
export class TimerQueue<E> {
  #heap: Timer<E>[] = [];
  #deleted = 0;
  #next = 0;

  /** A timer that is not in the queue yet. */
  create(owner: E, time: number): Timer<E> {
    return { owner, time, order: this.#next++, isDeleted: false };
  }

  add(timer: Timer<E>): void {
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
  }

  delete(timer: Timer<E>): void {
    timer.isDeleted = true;
    this.#deleted++;
    if (this.#deleted <= DELETED + this.#heap.length / 2) return;
    // Sorted is a heap as well.
    this.#heap = this.#heap
      .filter(({ isDeleted }) => !isDeleted)
      .sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#deleted = 0;
  }

  /** The time of the next timer; Infinity with none. It may be that of a deleted one. */
  get nextTime(): number {
    return this.#heap[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the next timer that is due; undefined: there is none. */
  takeDue(watermark: number): Timer<E> | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.time > watermark) return undefined;
      const last = this.#heap.pop() as Timer<E>;
      if (this.#heap.length > 0) {
        this.#heap[0] = last;
        this.#down();
      }
      if (!first.isDeleted) return first;
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
