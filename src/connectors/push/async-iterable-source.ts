import * as v from "valibot";
import { illegalArgument, optionInvalid } from "../../errors/index.js";
import { parseOptions } from "../../options/parse-options.js";
import type { Producer, SourceFunctionContext } from "./producer.js";
import { type PushSource, type PushSourceOptions, pushEntries, pushSource } from "./push-source.js";

const schema = v.strictObject(pushEntries("async iterable", "block", "drop-oldest", "fail"));

/**
 * An unbounded source of what an async iterable gives, in one subtask; `open` is called once an
 * attempt.
 *
 * At-most-once: what it has given is not asked for again. Throws OPTION_INVALID.
 */
export function asyncIterableSource<T>(
  open: () => AsyncIterable<T>,
  options: PushSourceOptions = {},
): PushSource<T> {
  const parsed = parseOptions("asyncIterableSource", schema, options);
  if (typeof open !== "function") {
    throw optionInvalid(
      "asyncIterableSource.open",
      open,
      "a function that returns an async iterable",
    );
  }
  return pushSource({ ...parsed, createProducer: () => iterableProducer(open) });
}

/** Pulls as long as the source takes records; does not wait for one that may never come. */
export function iterableProducer<T>(open: () => AsyncIterable<T>): Producer<T> {
  return {
    run(context) {
      const iterator = iteratorOf(open());
      return new Promise((resolve, reject) => {
        const pull = new Pull(iterator, context);
        context.signal.addEventListener("abort", () => {
          if (pull.abandon()) resolve();
        });
        pull.run().then(resolve, reject);
      });
    },
  };
}

/**
 * Owns: the iterator. Called by: its own run, and the signal.
 * Invariants: the iterator is returned once, unless it has ended or thrown by itself.
 */
class Pull<T> {
  readonly #iterator: AsyncIterator<T>;
  readonly #context: SourceFunctionContext<T>;
  #isWaiting = false;
  #isOver = false;

  constructor(iterator: AsyncIterator<T>, context: SourceFunctionContext<T>) {
    this.#iterator = iterator;
    this.#context = context;
  }

  async run(): Promise<void> {
    try {
      while (!this.#isOver) {
        this.#isWaiting = true;
        const { done, value } = await this.#next();
        this.#isWaiting = false;
        if (this.#isOver) return;
        if (done === true) {
          this.#isOver = true;
          return;
        }
        const room = this.#context.collect(value);
        if (room !== undefined) await room;
      }
    } finally {
      if (!this.#isOver) {
        this.#isOver = true;
        await this.#iterator.return?.();
      }
    }
  }

  /** True when the iterator owes an element: it is told to end, and not waited for. */
  abandon(): boolean {
    if (!this.#isWaiting || this.#isOver) return false;
    this.#isOver = true;
    const quietly = async (): Promise<unknown> => this.#iterator.return?.();
    quietly().catch(() => {});
    return true;
  }

  async #next(): Promise<IteratorResult<T>> {
    try {
      return await this.#iterator.next();
    } catch (error) {
      // An iterator that has thrown is over.
      const wasOver = this.#isOver;
      this.#isOver = true;
      if (wasOver) return { done: true, value: undefined };
      throw error;
    }
  }
}

function iteratorOf<T>(iterable: AsyncIterable<T>): AsyncIterator<T> {
  if (typeof iterable?.[Symbol.asyncIterator] !== "function") {
    throw illegalArgument("what should have opened an async iterable has returned something else");
  }
  return iterable[Symbol.asyncIterator]();
}
