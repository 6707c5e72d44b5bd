/** Fewer items are not worth a new array; what they hold stays in memory for so long. */
const SLACK = 32;

/**
 * Items in the order in which they came, which go in any order. An item says itself that it has gone,
 * so that this costs no look-up.
 *
 * Invariants: no more than half of a long list has gone; iterating sees the items of when it began that
 * have not gone when it reaches them.
 */
export class SparseList<T> implements Iterable<T> {
  readonly #isGone: (item: T) => boolean;
  #items: T[] = [];
  #size = 0;

  constructor(isGone: (item: T) => boolean) {
    this.#isGone = isGone;
  }

  /** How many have not gone. */
  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#size++;
  }

  /** One item more has gone. */
  oneWent(): void {
    this.#size--;
    if (this.#items.length <= SLACK || this.#items.length < this.#size * 2) return;
    // A new array: somebody may be iterating over this one.
    this.#items = this.#items.filter((item) => !this.#isGone(item));
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const item of this.#items) if (!this.#isGone(item)) yield item;
  }

  clear(): void {
    this.#items = [];
    this.#size = 0;
  }
}
