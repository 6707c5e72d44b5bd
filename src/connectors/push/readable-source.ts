import type { Readable } from "node:stream";
import * as v from "valibot";
import { illegalArgument, optionInvalid } from "../../errors/index.js";
import { parseOptions } from "../../options/parse-options.js";
import { iterableProducer } from "./async-iterable-source.js";
import type { Producer } from "./producer.js";
import { type PushSource, type PushSourceOptions, pushEntries, pushSource } from "./push-source.js";

const schema = v.strictObject(pushEntries("readable", "block", "drop-oldest", "fail"));

/**
 * An unbounded source of the chunks of a Node Readable, objects or buffers as it gives them, in one
 * subtask; `open` is called once an attempt, and the stream is destroyed when the reader closes.
 *
 * At-most-once: what it has given is not asked for again. Throws OPTION_INVALID.
 */
export function readableSource<T = Buffer>(
  open: () => Readable,
  options: PushSourceOptions = {},
): PushSource<T> {
  const parsed = parseOptions("readableSource", schema, options);
  if (typeof open !== "function") {
    throw optionInvalid("readableSource.open", open, "a function that returns a Readable");
  }
  return pushSource({ ...parsed, createProducer: () => readableProducer<T>(open) });
}

function readableProducer<T>(open: () => Readable): Producer<T> {
  let readable: Readable | undefined;
  const chunks = iterableProducer<T>(() => {
    const opened = open();
    if (typeof opened?.destroy !== "function" || typeof opened.on !== "function") {
      throw illegalArgument("what should have opened a Readable has returned something else");
    }
    readable = opened;
    return opened;
  });
  return {
    run: (context) => chunks.run(context),
    cancel: () => destroyQuietly(readable),
  };
}

function destroyQuietly(readable: Readable | undefined): void {
  if (readable === undefined || readable.closed) return;
  // An error that comes while it is destroyed would end the process without a listener.
  const ignore = (): void => {};
  readable.on("error", ignore);
  readable.once("close", () => readable.off("error", ignore));
  readable.destroy();
}
