import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { Subject, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  asyncIterableSource,
  eventSource,
  functionSource,
  observableSource,
  readableSource,
} from "../../../src/connectors/push/index.js";
import { eventually } from "../socket/line-server.js";
import { readAll, SourceRun } from "../source-run.js";
import { metric, pushing, started } from "./started-push.js";

describe("closing", () => {
  it("unsubscribes, removes every listener, destroys the stream and returns the iterator", async () => {
    const subject = new Subject<number>();
    const emitter = new EventEmitter();
    const other = (): void => {};
    emitter.on("data", other);
    const readable = new Readable({ objectMode: true, read() {} });
    let returned = 0;
    const waiting: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          returned++;
          return new Promise(() => {});
        },
      }),
    };
    const runs = [
      started(observableSource(subject)),
      started(eventSource<number>(emitter, "data", { end: "end" })),
      started(readableSource<number>(() => readable)),
      started(asyncIterableSource(() => waiting)),
    ];
    await eventually(
      () =>
        subject.observed &&
        emitter.listenerCount("data") === 2 &&
        readable.listenerCount("readable") === 1,
    );
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    for (const run of runs) await run.close();
    expect(subject.observed).toBe(false);
    expect(emitter.listeners("data")).toEqual([other]);
    expect(emitter.listenerCount("end") + emitter.listenerCount("error")).toBe(0);
    expect(readable.destroyed).toBe(true);
    await eventually(() => readable.closed);
    expect(returned).toBe(1);
    expect(runs.map((run) => run.subtasks[0]?.harness.clock.pendingTimers)).toEqual([0, 0, 0, 0]);
  });

  it("returns an iterator that waits for room, and waits for its end", async () => {
    let cleanedUp = false;
    const run = started(
      asyncIterableSource(
        async function* () {
          try {
            for (let i = 0; ; i++) yield i;
          } finally {
            await new Promise(setImmediate);
            cleanedUp = true;
          }
        },
        { bufferSize: 1 },
      ),
    );
    expect(await run.take(1)).toEqual([0]);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    await run.close();
    expect(cleanedUp).toBe(true);
  });

  it("leaves no listener when the producer has ended or failed by itself", async () => {
    const emitter = pushing(3);
    await readAll(eventSource(emitter, "data", { end: "end" }));
    expect(emitter.listenerCount("data") + emitter.listenerCount("end")).toBe(0);
    expect(emitter.listenerCount("error")).toBe(0);
    await expect(readAll(observableSource(throwError(() => new Error("x"))))).rejects.toThrow();
  });

  it("cancels a function once, aborts its signal, and waits for it", async () => {
    const seen: string[] = [];
    let end: () => void = () => {};
    const source = functionSource<number>({
      run: async ({ signal, collect }) => {
        signal.addEventListener("abort", () => seen.push("aborted"));
        await collect(1);
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        seen.push("run is over");
      },
      cancel: () => {
        seen.push("cancelled");
        setImmediate(end);
      },
    });
    const run = started(source);
    expect(await run.take(1)).toEqual([1]);
    await run.close();
    expect(seen).toEqual(["aborted", "cancelled", "run is over"]);
  });

  it("ends a function that only awaits collect, and says when one does not end in time", async () => {
    const endless = started(
      functionSource<number>({
        bufferSize: 2,
        run: async ({ collect }) => {
          for (;;) await collect(1);
        },
      }),
    );
    await endless.take(5);
    await endless.close();

    const stubborn = new SourceRun(functionSource<number>({ run: () => new Promise(() => {}) }));
    stubborn.start();
    stubborn.checkpoint();
    const clock = stubborn.subtasks[0]?.harness.clock;
    await eventually(() => metric(stubborn, "push.bufferedRecords") === 0);
    const failed = expect(stubborn.close()).rejects.toThrow(/did not end within 30000 ms/);
    await eventually(() => clock?.pendingTimers === 1);
    clock?.advance(30_000);
    await failed;
  });
});
