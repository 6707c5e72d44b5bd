import type { Subscribable, Unsubscribable } from "rxjs";
import { HeadwaterError } from "../../errors/index.js";
import { ElementBuffer } from "../element-buffer.js";
import type { ElementPuller } from "./element-puller.js";

/** Pulls ahead from an async iterator while the buffer has room; that is the back-pressure. */
export class AsyncPuller<T> implements ElementPuller<T> {
  readonly #iterator: AsyncIterator<T>;
  readonly #buffer: ElementBuffer<T>;
  #pulling = false;
  #ended = false;

  constructor(iterator: AsyncIterator<T>, bufferSize: number) {
    this.#iterator = iterator;
    this.#buffer = new ElementBuffer(bufferSize);
    void this.#pull();
  }

  get isDone(): boolean {
    return this.#buffer.isDone;
  }

  take(limit: number): readonly T[] {
    const elements = this.#buffer.take(limit);
    void this.#pull();
    return elements;
  }

  wait(): Promise<void> | undefined {
    return this.#buffer.wait();
  }

  /** Does not wait for an element that is under way: an iterator may wait for one for ever. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const returned = this.#iterator.return?.();
    if (this.#pulling) returned?.catch(() => {});
    else await returned;
  }

  async #pull(): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      while (!this.#ended && !this.#buffer.isFull) {
        const { done, value } = await this.#iterator.next();
        if (this.#ended) break;
        if (done === true) {
          this.#ended = true;
          this.#buffer.end();
        } else {
          this.#buffer.add(value);
        }
      }
    } catch (error) {
      this.#ended = true;
      this.#buffer.fail(error);
    } finally {
      this.#pulling = false;
    }
  }
}

/** Keeps what an Observable pushes; it cannot be held back, so a full buffer is an error. */
export class ObservablePuller<T> implements ElementPuller<T> {
  readonly #buffer: ElementBuffer<T>;
  readonly #subscription: Unsubscribable;
  #closed = false;

  constructor(observable: Subscribable<T>, bufferSize: number) {
    this.#buffer = new ElementBuffer(bufferSize);
    this.#subscription = observable.subscribe({
      next: (element) => this.#next(element, bufferSize),
      error: (error: unknown) => {
        if (!this.#closed) this.#buffer.fail(error);
      },
      complete: () => {
        if (!this.#closed) this.#buffer.end();
      },
    });
    // It overflowed while it subscribed, before there was anything to unsubscribe.
    if (this.#closed) this.#subscription.unsubscribe();
  }

  get isDone(): boolean {
    return this.#buffer.isDone;
  }

  take(limit: number): readonly T[] {
    return this.#buffer.take(limit);
  }

  wait(): Promise<void> | undefined {
    return this.#buffer.wait();
  }

  close(): void {
    this.#closed = true;
    this.#subscription.unsubscribe();
  }

  #next(element: T, bufferSize: number): void {
    if (this.#closed) return;
    if (!this.#buffer.isFull) {
      this.#buffer.add(element);
      return;
    }
    this.#closed = true;
    this.#buffer.fail(overflow(bufferSize));
    // Undefined while it is still subscribing.
    this.#subscription?.unsubscribe();
  }
}

function overflow(bufferSize: number): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `an Observable pushed faster than the job reads: ${bufferSize} elements wait already`,
    {
      domain: "user",
      retry: "backoff",
      scope: "job",
      hint: "An Observable cannot be held back: raise collection's bufferSize, thin it out with sampleTime or auditTime, or give an async iterable instead.",
    },
  );
}
