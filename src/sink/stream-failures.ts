import type { Writable } from "node:stream";

type OnFailure = (error: unknown) => void;

const watched = new WeakMap<Writable, Set<OnFailure>>();

/**
 * Calls back when the stream fails or is closed, until the returned function is called.
 *
 * All watchers of a stream share one listener, so that many subtasks may print to one stream.
 */
export function onStreamFailure(stream: Writable, callback: OnFailure): () => void {
  let callbacks = watched.get(stream);
  if (callbacks === undefined) {
    callbacks = new Set();
    watched.set(stream, callbacks);
    const all = callbacks;
    const notify = (error: unknown): void => {
      for (const one of [...all]) one(error);
    };
    // Stays for the life of the stream: an error without a listener would end the process.
    stream.on("error", notify);
    stream.on("close", () => notify(new Error("the stream was closed")));
  }
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}
