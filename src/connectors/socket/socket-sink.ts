import * as v from "valibot";
import type { Sink } from "../../api/sink.js";
import type { DurationInput } from "../../api/watermark.js";
import { addressOf } from "../../net/index.js";
import { expecting } from "../../options/expecting.js";
import { duration, parseOptions } from "../../options/parse-options.js";
import { checkDelays, type SocketOptions, socketEntries } from "./connect-options.js";
import { SocketSinkWriter } from "./socket-sink-writer.js";

/** What `socketSink` takes. */
export interface SocketSinkOptions<T> extends SocketOptions {
  /** The bytes of a record, with a delimiter if there is to be one; default `String(record) + "\n"`. */
  readonly serialize?: (record: T) => string | Uint8Array;
  /** How long a flush waits until the kernel has taken everything; default no limit. */
  readonly flushTimeout?: DurationInput;
}

const schema = v.strictObject({
  ...socketEntries,
  serialize: v.optional(
    expecting((value) => typeof value === "function", "a function of the record"),
  ),
  flushTimeout: v.optional(duration()),
});

/**
 * A sink that writes to a TCP server (Flink `SocketClientSink`), a connection a subtask.
 *
 * Neither at-least-once nor at-most-once: what the kernel has taken of a connection that breaks is
 * lost, and a chunk that was being handed over is written again in full. Throws OPTION_INVALID.
 */
export function socketSink<T>(options: SocketSinkOptions<T>): Sink<T> {
  const parsed = parseOptions("socketSink", schema, options);
  checkDelays("socketSink", parsed);
  const serialize = options.serialize ?? ((record: T) => `${String(record)}\n`);
  return {
    name: `socket ${addressOf(parsed)}`,
    createWriter: (context) =>
      new SocketSinkWriter<T>(context, parsed, serialize, parsed.flushTimeout),
  };
}
