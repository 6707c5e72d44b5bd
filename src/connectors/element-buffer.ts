/**
 * Owns: elements that have come and were not taken. Called by: whoever feeds it, and one taker.
 * Invariants: never more than `limit` elements; the error or the end comes after the last element.
 */
export class ElementBuffer<T> {
  readonly #limit: number;
  #elements: T[] = [];
  #ended = false;
  #error: { readonly thrown: unknown } | undefined;
  #onNews: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#elements.length >= this.#limit;
  }

  get isDone(): boolean {
    return this.#ended && this.#error === undefined && this.#elements.length === 0;
  }

  add(element: T): void {
    this.#elements.push(element);
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** The elements before stay readable. */
  fail(thrown: unknown): void {
    this.#ended = true;
    this.#error ??= { thrown };
    this.#notify();
  }

  take(limit: number): readonly T[] {
    if (this.#elements.length === 0 && this.#error !== undefined) throw this.#error.thrown;
    if (this.#elements.length <= limit) {
      const all = this.#elements;
      this.#elements = [];
      return all;
    }
    return this.#elements.splice(0, limit);
  }

  wait(): Promise<void> | undefined {
    if (this.#elements.length > 0 || this.#ended) return undefined;
    return new Promise((resolve) => {
      this.#onNews = resolve;
    });
  }

  #notify(): void {
    this.#onNews?.();
    this.#onNews = undefined;
  }
}
