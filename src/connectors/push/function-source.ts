import * as v from "valibot";
import { expecting } from "../../options/expecting.js";
import { parseOptions } from "../../options/parse-options.js";
import type { Producer } from "./producer.js";
import { type PushSource, type PushSourceOptions, pushEntries, pushSource } from "./push-source.js";

/** What `functionSource` takes: the producer and the options of every push source. */
export interface FunctionSourceOptions<T, P = unknown> extends Producer<T, P>, PushSourceOptions {}

const schema = v.strictObject({
  ...pushEntries("function", "block", "drop-oldest", "fail"),
  run: expecting((value) => typeof value === "function", "a function of the context"),
  cancel: v.optional(expecting((value) => typeof value === "function", "a function")),
});

/**
 * A source whose records a function pushes (Flink `SourceFunction`), in one subtask.
 *
 * `run` is called once an attempt. Exactly-once when each record has a position from which `run` can
 * go on after a restore (`context.restoredPosition`); otherwise at-most-once. Throws OPTION_INVALID.
 */
export function functionSource<T, P = unknown>(
  options: FunctionSourceOptions<T, P>,
): PushSource<T> {
  const parsed = parseOptions("functionSource", schema, options);
  const producer: Producer<T> = {
    run: (context) => options.run(context as never),
    cancel: () => options.cancel?.(),
  };
  return pushSource({ ...parsed, createProducer: () => producer });
}
