import type { Subscribable } from "rxjs";
import { HeadwaterError, optionInvalid } from "../../errors/index.js";
import { AsyncPuller, ObservablePuller } from "./async-puller.js";
import { type ElementPuller, SyncPuller } from "./element-puller.js";

/** Where elements can come from: RxJS Observables too. */
export type Elements<T> = Iterable<T> | AsyncIterable<T> | Subscribable<T>;

/** Elements, or a function that gives them anew for each attempt, which makes them replayable. */
export type CollectionInput<T> = Elements<T> | (() => Elements<T>);

/**
 * Owns: whether a collection that can be read only once has been read. Called by: split readers.
 * Invariants: elements behind a restored position are the ones that were there before; where that
 * cannot be, opening throws.
 */
export class Collection<T> {
  readonly #input: CollectionInput<T>;
  readonly #bufferSize: number;
  #opened = false;

  constructor(input: CollectionInput<T>, bufferSize: number) {
    if (typeof input !== "function" && kindOf(input) === undefined) throw notElements(input);
    this.#input = input;
    this.#bufferSize = bufferSize;
  }

  /**
   * Starts reading behind the first `position` elements. Throws UNSUPPORTED_OPERATION when a
   * collection that can be read only once was read before.
   */
  open(position: number): ElementPuller<T> {
    const isFactory = typeof this.#input === "function";
    const elements = isFactory
      ? (this.#input as () => Elements<T>)()
      : (this.#input as Elements<T>);
    const kind = kindOf(elements);
    if (kind === undefined) throw notElements(elements);
    if (kind === "iterable") {
      const iterator = (elements as Iterable<T>)[Symbol.iterator]();
      if (!isFactory && (iterator as unknown) === elements) this.#openOnce("iterator", position);
      return skip(new SyncPuller(iterator), position);
    }
    if (!isFactory) {
      this.#openOnce(kind === "async" ? "async iterable" : "Observable", position);
    }
    const puller =
      kind === "async"
        ? new AsyncPuller((elements as AsyncIterable<T>)[Symbol.asyncIterator](), this.#bufferSize)
        : new ObservablePuller(elements as Subscribable<T>, this.#bufferSize);
    return skip(puller, position);
  }

  #openOnce(what: string, position: number): void {
    if (this.#opened || position > 0) {
      throw new HeadwaterError(
        "UNSUPPORTED_OPERATION",
        `an ${what} that was given as a value cannot be read again from element ${position} on`,
        {
          domain: "user",
          retry: "never",
          scope: "job",
          hint: "Give collection a function that creates it, such as collection(() => source()).",
        },
      );
    }
    this.#opened = true;
  }
}

function kindOf(elements: unknown): "iterable" | "async" | "observable" | undefined {
  if (elements === null || elements === undefined) return undefined;
  const has = (key: PropertyKey): boolean =>
    typeof (elements as Record<PropertyKey, unknown>)[key] === "function";
  if (has(Symbol.asyncIterator)) return "async";
  if (has(Symbol.iterator)) return "iterable";
  return has("subscribe") ? "observable" : undefined;
}

function notElements(value: unknown): Error {
  return optionInvalid(
    "collection.input",
    value,
    "an iterable, an async iterable, an Observable, or a function that returns one",
  );
}

function skip<T>(puller: ElementPuller<T>, position: number): ElementPuller<T> {
  return position === 0 ? puller : new SkippingPuller(puller, position);
}

/** Lets the elements pass that were emitted before the checkpoint. */
class SkippingPuller<T> implements ElementPuller<T> {
  readonly #inner: ElementPuller<T>;
  readonly #position: number;
  #left: number;

  constructor(inner: ElementPuller<T>, position: number) {
    this.#inner = inner;
    this.#position = position;
    this.#left = position;
  }

  get isDone(): boolean {
    if (!this.#inner.isDone) return false;
    if (this.#left > 0) throw shrunk(this.#position, this.#position - this.#left);
    return true;
  }

  take(limit: number): readonly T[] {
    if (this.#left === 0) return this.#inner.take(limit);
    this.#left -= this.#inner.take(Math.min(limit, this.#left)).length;
    return [];
  }

  wait(): Promise<void> | undefined {
    return this.#inner.wait();
  }

  close(): void | Promise<void> {
    return this.#inner.close();
  }
}

function shrunk(position: number, found: number): HeadwaterError {
  return new HeadwaterError(
    "UNSUPPORTED_OPERATION",
    `the collection has ${found} elements now and ${position} had been read at the checkpoint`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "A collection must give the same elements in the same order after a restart.",
    },
  );
}
