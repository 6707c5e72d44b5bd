import { EventEmitter } from "node:events";
import { afterEach } from "vitest";
import type { PushSource } from "../../../src/connectors/push/index.js";
import { type SourceCheckpoint, SourceRun } from "../source-run.js";

export const upTo = (to: number): number[] => [...Array(to).keys()];

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

/** A run whose producer has been started. */
export function started<T>(source: PushSource<T>, restore?: SourceCheckpoint) {
  const run = new SourceRun(source, restore === undefined ? {} : { restore });
  closing.push(run);
  run.start();
  // Hands the split over, so that the reader starts.
  run.checkpoint();
  return run;
}

export const metric = (
  run: { readonly subtasks: ReturnType<typeof started>["subtasks"] },
  name: string,
) => run.subtasks[0]?.harness.metrics.snapshot()[name];

export async function* numbers(to = Number.POSITIVE_INFINITY): AsyncGenerator<number> {
  for (let i = 0; i < to; i++) yield i;
}

/** An emitter that does something as soon as somebody listens to its data. */
export function emitting(action: (emitter: EventEmitter) => void): EventEmitter {
  const emitter = new EventEmitter();
  emitter.on("newListener", (event) => {
    if (event === "data") setImmediate(action, emitter);
  });
  return emitter;
}

export const pushing = (to: number): EventEmitter =>
  emitting((emitter) => {
    for (const i of upTo(to)) emitter.emit("data", i);
    emitter.emit("end");
  });
