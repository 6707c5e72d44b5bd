import type { Sink } from "../api/sink.js";

/** A sink that forgets every record (Flink `DiscardingSink`), for measuring and for side effects upstream. */
export function discardSink<T>(): Sink<T> {
  return { name: "discard", createWriter: () => ({ write() {} }) };
}
