/** Something that happens at a time. */
export interface Scheduled {
  readonly due: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** What is to come, by time, and of the same time in the order in which it was scheduled: a heap. */
export class EventQueue {
  readonly #heap: Scheduled[] = [];
  #order = 0;

  add(due: number, run: () => void): Scheduled {
    const entry: Scheduled = { due, order: this.#order++, run };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent] as Scheduled)) break;
      heap[at] = heap[parent] as Scheduled;
      at = parent;
    }
    heap[at] = entry;
    return entry;
  }

  /** When the next one is due; undefined: nothing is to come. */
  next(): number | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].run === undefined) this.#removeFirst();
    return this.#heap[0]?.due;
  }

  runNext(): void {
    this.next();
    const first = this.#heap[0];
    if (first === undefined) return;
    this.#removeFirst();
    const { run } = first;
    first.run = undefined;
    run?.();
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && before(heap[right] as Scheduled, heap[child] as Scheduled)) {
        child = right;
      }
      if (!before(heap[child] as Scheduled, last)) break;
      heap[at] = heap[child] as Scheduled;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
