import * as v from "valibot";
import { optionInvalid } from "../../errors/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions } from "../../options/parse-options.js";
import type { Producer, SourceFunctionContext } from "./producer.js";
import { type PushSource, type PushSourceOptions, pushEntries, pushSource } from "./push-source.js";

/** The part of Node's EventEmitter that is used. */
export interface EventSourceEmitter {
  on(event: string | symbol, listener: EventListener): unknown;
  off(event: string | symbol, listener: EventListener): unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: what an event carries is not known, and EventEmitter says any
type EventListener = (...args: any[]) => void;

/** What `eventSource` takes besides the emitter and the event. */
export interface EventSourceOptions<T, A extends readonly unknown[] = readonly unknown[]>
  extends PushSourceOptions<"drop-oldest" | "fail"> {
  /** The event that ends the source; default none. */
  readonly end?: string | symbol;
  /** The event that fails the source with its argument; default "error". */
  readonly error?: string | symbol;
  /** Makes a record of the event's arguments; default the first argument. */
  readonly map?: (...args: A) => T;
}

const eventName = expecting<string | symbol>(
  (value) => (typeof value === "string" && value !== "") || typeof value === "symbol",
  "the name of an event",
);

const schema = (event: string | symbol) =>
  v.strictObject({
    ...pushEntries(`event ${String(event)}`, "fail", "drop-oldest"),
    end: v.optional(eventName),
    error: v.optional(eventName, "error"),
    map: v.optional(
      expecting((value) => typeof value === "function", "a function of the event's arguments"),
    ),
  });

/**
 * An unbounded source of the events of an EventEmitter, in one subtask.
 *
 * At-most-once. An EventEmitter cannot be held back: `overflow` is "fail" or "drop-oldest". Its
 * listeners are removed when the reader closes. Throws OPTION_INVALID.
 */
export function eventSource<T, A extends readonly unknown[] = readonly unknown[]>(
  emitter: EventSourceEmitter,
  event: string | symbol,
  options: EventSourceOptions<T, A> = {},
): PushSource<T> {
  if (typeof emitter?.on !== "function" || typeof emitter.off !== "function") {
    throw optionInvalid("eventSource.emitter", emitter, "an EventEmitter");
  }
  parseOptions("eventSource.event", eventName, event);
  const parsed = parseOptions("eventSource", schema(event), options);
  const toRecord = (options.map ?? firstOf) as (...args: readonly unknown[]) => T;
  const { end, error } = parsed;
  return pushSource({
    ...parsed,
    createProducer: () => new EventProducer(emitter, { event, end, error }, toRecord),
  });
}

interface EventNames {
  readonly event: string | symbol;
  readonly end: string | symbol | undefined;
  readonly error: string | symbol;
}

/**
 * Owns: its listeners. Called by: the emitter.
 * Invariants: no listener is left when the run is over; nothing is thrown at the emitter.
 */
class EventProducer<T> implements Producer<T> {
  readonly #emitter: EventSourceEmitter;
  readonly #names: EventNames;
  readonly #toRecord: (...args: readonly unknown[]) => T;

  constructor(
    emitter: EventSourceEmitter,
    names: EventNames,
    toRecord: (...args: readonly unknown[]) => T,
  ) {
    this.#emitter = emitter;
    this.#names = names;
    this.#toRecord = toRecord;
  }

  async run(context: SourceFunctionContext<T>): Promise<void> {
    const { event, end, error } = this.#names;
    const added: [string | symbol, (...args: unknown[]) => void][] = [];
    const listen = (name: string | symbol, listener: (...args: unknown[]) => void): void => {
      this.#emitter.on(name, listener);
      added.push([name, listener]);
    };
    try {
      await new Promise<void>((resolve, reject) => {
        context.signal.addEventListener("abort", () => resolve());
        listen(error, (reason) => reject(reason));
        if (end !== undefined) listen(end, () => resolve());
        listen(event, (...args) => {
          try {
            void context.collect(this.#toRecord(...args));
          } catch (thrown) {
            reject(thrown);
          }
        });
      });
    } finally {
      for (const [name, listener] of added) this.#emitter.off(name, listener);
    }
  }
}

function firstOf(first: unknown): unknown {
  return first;
}
