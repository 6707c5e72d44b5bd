/** Takes elements out of some collection, a few at a time; used by one split reader. */
export interface ElementPuller<T> {
  /** Elements that are there now, at most `limit`. Throws what the collection threw, after its elements. */
  take(limit: number): readonly T[];
  /** True when nothing will come any more and everything has been taken. */
  readonly isDone: boolean;
  /** Resolves when `take` or `isDone` have news; undefined when they have already. */
  wait(): Promise<void> | undefined;
  close(): void | Promise<void>;
}

/** Pulls from a synchronous iterator, as far as it is asked to. */
export class SyncPuller<T> implements ElementPuller<T> {
  readonly #iterator: Iterator<T>;
  #error: { readonly thrown: unknown } | undefined;
  #ended = false;

  constructor(iterator: Iterator<T>) {
    this.#iterator = iterator;
  }

  get isDone(): boolean {
    return this.#ended && this.#error === undefined;
  }

  take(limit: number): readonly T[] {
    if (this.#error !== undefined) throw this.#error.thrown;
    const elements: T[] = [];
    try {
      while (!this.#ended && elements.length < limit) {
        const { done, value } = this.#iterator.next();
        if (done === true) this.#ended = true;
        else elements.push(value);
      }
    } catch (thrown) {
      this.#ended = true;
      this.#error = { thrown };
      if (elements.length === 0) throw thrown;
    }
    return elements;
  }

  wait(): undefined {}

  close(): void {
    if (!this.#ended) this.#iterator.return?.();
    this.#ended = true;
  }
}
