import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { range, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  asyncIterableSource,
  eventSource,
  functionSource,
  observableSource,
  type PushSource,
  readableSource,
} from "../../../src/connectors/push/index.js";
import { eventually } from "../socket/line-server.js";
import { metric, started, upTo } from "./started-push.js";

describe("back-pressure", () => {
  it("holds an async iterable, a Readable and a function back while the job does not read", async () => {
    const produced = { iterable: 0, readable: 0, function: 0 };
    const options = { bufferSize: 10 };
    const sources = {
      iterable: asyncIterableSource(async function* () {
        for (;;) yield produced.iterable++;
      }, options),
      readable: readableSource<number>(
        () =>
          new Readable({
            objectMode: true,
            highWaterMark: 1,
            read() {
              this.push({ i: produced.readable++ });
            },
          }),
        options,
      ),
      function: functionSource<number>({
        ...options,
        async run({ collect }) {
          for (;;) await collect(produced.function++);
        },
      }),
    };
    for (const [name, source] of Object.entries(sources)) {
      const run = started<unknown>(source as PushSource<unknown>);
      expect((await run.take(25)).length).toBe(25);
      for (let i = 0; i < 50; i++) await new Promise(setImmediate);
      const ahead = produced[name as keyof typeof produced] - 25;
      // What is left of a batch, two batches in the queue, one at the fetcher, one buffer, one each more.
      expect(ahead).toBeLessThanOrEqual(10 * 5 + 5);
      expect(metric(run, "push.bufferedRecords")).toBeLessThanOrEqual(10);
      await run.close();
    }
  });

  it("fails, with what to do, when an Observable or an EventEmitter pushes too much", async () => {
    const subject = new Subject<number>();
    const emitter = new EventEmitter();
    const sources: [PushSource<number>, (i: number) => void, () => boolean][] = [
      [
        observableSource(subject, { bufferSize: 4 }),
        (i) => subject.next(i),
        () => subject.observed,
      ],
      [
        eventSource<number>(emitter, "data", { bufferSize: 4 }),
        (i) => emitter.emit("data", i),
        () => emitter.listenerCount("data") > 0,
      ],
    ];
    for (const [source, push, isListening] of sources) {
      const run = started(source);
      await eventually(isListening);
      for (const i of upTo(20)) push(i);
      await eventually(() => !isListening());
      expect(await run.take(4)).toEqual([0, 1, 2, 3]);
      await expect(run.take()).rejects.toMatchObject({
        hint: expect.stringContaining("bufferSize"),
        cause: { cause: { code: "LIMIT_EXCEEDED" } },
      });
    }
  });

  it("stops an Observable that pushes without end while it is subscribed to", async () => {
    const run = started(observableSource(range(0, Number.POSITIVE_INFINITY), { bufferSize: 4 }));
    await expect(run.take()).rejects.toMatchObject({
      cause: { cause: { code: "LIMIT_EXCEEDED" } },
    });
  });

  it("keeps the newest and counts the rest with drop-oldest", async () => {
    const subject = new Subject<number>();
    const run = started(observableSource(subject, { bufferSize: 4, overflow: "drop-oldest" }));
    await eventually(() => subject.observed);
    for (const i of upTo(20)) subject.next(i);
    subject.complete();
    expect(await run.take()).toEqual([16, 17, 18, 19]);
    expect(metric(run, "push.numRecordsDropped")).toBe(16);
    expect(metric(run, "numRecordsIn")).toBe(4);
  });

  it("pauses with its split, and goes on with it", async () => {
    const subject = new Subject<number>();
    const run = started(observableSource(subject));
    await eventually(() => subject.observed);
    const { splitId } = run.enumeratorRun.assigned[0] as { readonly splitId: string };
    run.subtasks[0]?.reader.pauseOrResumeSplits?.([splitId], []);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    for (const i of upTo(3)) subject.next(i);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(metric(run, "push.bufferedRecords")).toBe(3);
    run.subtasks[0]?.reader.pauseOrResumeSplits?.([], [splitId]);
    expect(await run.take(3)).toEqual([0, 1, 2]);
  });
});
