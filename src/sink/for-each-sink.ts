import * as v from "valibot";
import type { Sink, SinkWriter, SinkWriterContext } from "../api/sink.js";
import type { Timestamp } from "../api/watermark.js";
import { optionInvalid } from "../errors/index.js";
import { parseOptions, wholeNumber } from "../options/parse-options.js";
import { sinkFailed } from "./sink-error.js";

/** Does something with a record; the timestamp is -Infinity when there is none. */
export type ForEachFunction<T> = (record: T, timestamp: Timestamp) => void | Promise<void>;

/** What `forEachSink` takes besides the function. */
export interface ForEachSinkOptions {
  /** Calls under way at a time in one subtask; default 1, which keeps the order. */
  readonly concurrency?: number;
}

const schema = v.strictObject({ concurrency: v.optional(wholeNumber(1), 1) });

/**
 * A sink that calls a function for each record, in the subtask's loop.
 *
 * At-least-once: after a failure records since the last checkpoint come again. What the function
 * throws becomes SINK_FAILED.
 */
export function forEachSink<T>(fn: ForEachFunction<T>, options: ForEachSinkOptions = {}): Sink<T> {
  if (typeof fn !== "function") throw optionInvalid("forEachSink.fn", fn, "a function");
  const { concurrency } = parseOptions("forEachSink", schema, options);
  return {
    name: "forEach",
    createWriter: (context) => new ForEachWriter(fn, concurrency, context),
  };
}

/**
 * Owns: the calls under way. Called by: the subtask's loop.
 * Invariants: `write` is over only when every call that it started is; after an error no further
 * call is started.
 */
class ForEachWriter<T> implements SinkWriter<T> {
  readonly #fn: ForEachFunction<T>;
  readonly #concurrency: number;
  readonly #context: SinkWriterContext;

  constructor(fn: ForEachFunction<T>, concurrency: number, context: SinkWriterContext) {
    this.#fn = fn;
    this.#concurrency = concurrency;
    this.#context = context;
  }

  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void> {
    try {
      for (let i = 0; i < records.length; i++) {
        const result = this.#fn(records[i] as T, timestamps[i] as Timestamp);
        if (isPromise(result)) return this.#writeRest(result, i + 1, records, timestamps);
      }
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async #writeRest(
    first: Promise<void>,
    from: number,
    records: readonly T[],
    timestamps: readonly Timestamp[],
  ): Promise<void> {
    let next = from;
    let failed = false;
    const run = async (pending?: Promise<void>): Promise<void> => {
      try {
        await pending;
        while (next < records.length && !failed) {
          const i = next++;
          const result = this.#fn(records[i] as T, timestamps[i] as Timestamp);
          if (isPromise(result)) await result;
        }
      } catch (error) {
        failed = true;
        throw error;
      }
    };
    const lanes = [run(first)];
    while (lanes.length < this.#concurrency && next < records.length) lanes.push(run());
    const results = await Promise.allSettled(lanes);
    const rejected = results.find((result) => result.status === "rejected");
    if (rejected !== undefined) throw this.#failed(rejected.reason);
  }

  #failed(cause: unknown): Error {
    return sinkFailed("forEachSink", this.#context, "failed: its function threw", cause);
  }
}

function isPromise(result: void | Promise<void>): result is Promise<void> {
  return typeof (result as PromiseLike<void> | undefined)?.then === "function";
}
