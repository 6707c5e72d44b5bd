import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import fc from "fast-check";
import { NEVER, of, range, Subject, throwError } from "rxjs";
import { afterEach, describe, expect, it } from "vitest";
import type { Source } from "../../../src/api/source.js";
import {
  asyncIterableSource,
  eventSource,
  functionSource,
  observableSource,
  type PushSource,
  readableSource,
  type SourceFunctionContext,
} from "../../../src/connectors/push/index.js";
import { eventually } from "../socket/line-server.js";
import { readAll, type SourceCheckpoint, SourceRun } from "../source-run.js";

const upTo = (to: number): number[] => [...Array(to).keys()];

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

/** A run whose producer has been started. */
function started<T>(source: PushSource<T>, restore?: SourceCheckpoint) {
  const run = new SourceRun(source, restore === undefined ? {} : { restore });
  closing.push(run);
  run.start();
  // Hands the split over, so that the reader starts.
  run.checkpoint();
  return run;
}

const metric = (run: { readonly subtasks: ReturnType<typeof started>["subtasks"] }, name: string) =>
  run.subtasks[0]?.harness.metrics.snapshot()[name];

async function* numbers(to = Number.POSITIVE_INFINITY): AsyncGenerator<number> {
  for (let i = 0; i < to; i++) yield i;
}

/** An emitter that does something as soon as somebody listens to its data. */
function emitting(action: (emitter: EventEmitter) => void): EventEmitter {
  const emitter = new EventEmitter();
  emitter.on("newListener", (event) => {
    if (event === "data") setImmediate(action, emitter);
  });
  return emitter;
}

const pushing = (to: number): EventEmitter =>
  emitting((emitter) => {
    for (const i of upTo(to)) emitter.emit("data", i);
    emitter.emit("end");
  });

const EVERY: [string, (options: object) => PushSource<number>][] = [
  ["asyncIterableSource", (options) => asyncIterableSource(() => numbers(1500), options)],
  ["observableSource", (options) => observableSource(of(...upTo(1500)), options)],
  ["observableSource of a function", (o) => observableSource(() => of(...upTo(1500)), o)],
  ["eventSource", (o) => eventSource<number>(pushing(1500), "data", { end: "end", ...o })],
  ["readableSource", (o) => readableSource<number>(() => Readable.from(upTo(1500)), o)],
  [
    "functionSource",
    (o) =>
      functionSource<number>({
        async run({ collect }) {
          for (const i of upTo(1500)) await collect(i);
        },
        ...o,
      }),
  ],
];

describe("every push source", () => {
  it.each(EVERY)(
    "%s gives what is pushed in its order, once, and ends with it",
    async (_, make) => {
      expect(await readAll(make({}), { parallelism: 2 })).toEqual(upTo(1500));
    },
  );

  it.each(EVERY)("%s is unbounded unless it is said to end", (_, make) => {
    expect(make({}).boundedness).toBe("CONTINUOUS_UNBOUNDED");
    expect(make({ bounded: true, name: "mine" })).toMatchObject({
      boundedness: "BOUNDED",
      name: "mine",
    });
  });

  it.each(EVERY)("%s refuses wrong options", (_, make) => {
    expect(() => make({ bufferSize: 0 })).toThrow(/bufferSize/);
    expect(() => make({ overflow: "drop-newest" })).toThrow(/overflow/);
    expect(() => make({ bounded: 1 })).toThrow(/bounded/);
    expect(() => make({ bufferSise: 1 })).toThrow(/misspelt/);
  });

  it("cannot let an Observable or an EventEmitter wait", () => {
    const block = { overflow: "block" } as never;
    expect(() => observableSource(NEVER, block)).toThrow(/expected "fail" or "drop-oldest"/);
    expect(() => eventSource(new EventEmitter(), "data", block)).toThrow(/"fail" or "drop-oldest"/);
  });

  it("refuses what it cannot read", () => {
    expect(() => asyncIterableSource(numbers(1) as never)).toThrow(/function that returns/);
    expect(() => readableSource(Readable.from([1]) as never)).toThrow(/function that returns/);
    expect(() => observableSource(1 as never)).toThrow(/Observable/);
    expect(() => eventSource({} as never, "data")).toThrow(/EventEmitter/);
    expect(() => eventSource(new EventEmitter(), "")).toThrow(/event/);
    expect(() => functionSource({} as never)).toThrow(/run/);
  });

  it.each<[string, PushSource<number>]>([
    ["an async iterable", asyncIterableSource(() => [1] as never)],
    ["a Readable", readableSource(() => [1] as never)],
    ["an Observable", observableSource(() => [1] as never)],
  ])("says when its function has not returned %s", async (what, source) => {
    await expect(readAll(source)).rejects.toMatchObject({
      cause: { cause: { code: "ILLEGAL_ARGUMENT", message: expect.stringContaining(what) } },
    });
  });

  it.each<[string, () => PushSource<number>]>([
    [
      "an async iterable that throws",
      () =>
        asyncIterableSource(async function* () {
          yield 0;
          throw new Error("no more");
        }),
    ],
    [
      "an Observable that fails",
      () =>
        observableSource(() => {
          const subject = new Subject<number>();
          setImmediate(() => {
            subject.next(0);
            subject.error(new Error("no more"));
          });
          return subject;
        }),
    ],
    [
      "an event error",
      () => {
        const emitter = emitting((one) => {
          one.emit("data", 0);
          one.emit("error", new Error("no more"));
        });
        return eventSource<number>(emitter, "data");
      },
    ],
    [
      "a map that throws",
      () => {
        const emitter = emitting((one) => upTo(2).map((i) => one.emit("data", i)));
        return eventSource(emitter, "data", {
          map: (i: number) => {
            if (i === 1) throw new Error("no more");
            return i;
          },
        });
      },
    ],
    [
      "a Readable that fails",
      () =>
        readableSource<number>(() => {
          let pushed = 0;
          return new Readable({
            objectMode: true,
            read() {
              if (pushed++ === 0) this.push(0);
              else setImmediate(() => this.destroy(new Error("no more")));
            },
          });
        }),
    ],
    [
      "a run that throws",
      () =>
        functionSource<number>({
          run({ collect }) {
            void collect(0);
            throw new Error("no more");
          },
        }),
    ],
  ])("fails, behind the records before, of %s", async (_, make) => {
    const run = started(make());
    expect(await run.take(1)).toEqual([0]);
    await expect(run.take()).rejects.toMatchObject({
      code: "FETCHER_FAILED",
      retry: "backoff",
      cause: { cause: { code: "READER_FAILED", cause: { message: "no more" } } },
    });
  });
});

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

describe("functionSource", () => {
  /** Replays from its position: the exact rest after a restore. */
  const replaying = (count: number, batch = 3) =>
    functionSource<number, { next: number }>({
      bufferSize: 7,
      async run({ collect, restoredPosition }) {
        // One object, changed all the time: a position is taken as it is when it is given.
        const position = { next: restoredPosition?.next ?? 0 };
        while (position.next < count) {
          const record = position.next++;
          await collect(record, { position });
          if (record % batch === 0) await new Promise(setImmediate);
        }
      },
    });

  it("gives exactly the rest after a restore when records have positions", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }), async (lives) => {
        const seen: number[] = [];
        let restore: SourceCheckpoint | undefined;
        for (const take of lives) {
          const run = started(replaying(60), restore);
          seen.push(...(await run.take(take)));
          restore = run.checkpoint();
          await run.close();
        }
        const last = started(replaying(60), restore);
        seen.push(...(await last.take()));
        expect(seen).toEqual(upTo(60));
      }),
      { numRuns: 25 },
    );
  });

  it("starts from the beginning without a position, and keeps the last one given", async () => {
    const restored: unknown[] = [];
    const source = functionSource<number, number>({
      async run({ collect, restoredPosition }) {
        restored.push(restoredPosition);
        await collect(1);
        await collect(2, { position: 2 });
        await collect(3);
        await new Promise(() => {});
      },
    });
    let restore: SourceCheckpoint | undefined;
    for (const take of [1, 3]) {
      const run = new SourceRun(source, restore === undefined ? {} : { restore }).start();
      await run.take(take);
      restore = run.checkpoint();
    }
    const third = new SourceRun(source, { restore: restore as SourceCheckpoint }).start();
    await third.take(1);
    expect(restored).toEqual([undefined, undefined, 2]);
  });

  it.each<[string, (context: SourceFunctionContext<number>) => void, RegExp]>([
    [
      "a position that is no JSON",
      ({ collect }) => void collect(1, { position: 1n }),
      /plain JSON/,
    ],
    [
      "a position that is a function",
      ({ collect }) => void collect(1, { position: () => 1 }),
      /plain JSON/,
    ],
    ["a timestamp that is no number", ({ collect }) => void collect(1, Number.NaN), /timestamp/],
    ["a watermark that is no number", (c) => c.emitWatermark("x" as never), /watermark/],
  ])("fails for %s, without throwing at the producer", async (_, misuse, message) => {
    let threw = false;
    const run = started(
      functionSource<number>({
        async run(context) {
          void context.collect(0);
          try {
            misuse(context);
          } catch {
            threw = true;
          }
          await new Promise<void>((resolve) => {
            context.signal.addEventListener("abort", () => resolve());
            if (context.signal.aborted) resolve();
          });
        },
      }),
    );
    expect(await run.take(1)).toEqual([0]);
    await expect(run.take()).rejects.toMatchObject({
      cause: { cause: { code: "ILLEGAL_ARGUMENT", message: expect.stringMatching(message) } },
    });
    expect(threw).toBe(false);
  });

  it("puts timestamps, watermarks and idleness in the stream where they were given", async () => {
    const seen: unknown[] = [];
    const source = functionSource<string>({
      async run({ collect, emitWatermark, markAsTemporarilyIdle }) {
        emitWatermark(1);
        emitWatermark(5);
        await collect("a", 10);
        await collect("b", { timestamp: 11 });
        await collect("c");
        emitWatermark(11);
        markAsTemporarilyIdle();
        await collect("d", 12);
        markAsTemporarilyIdle();
        emitWatermark(12);
      },
    });
    await watch(source, seen);
    expect(seen).toEqual([
      "watermark 5",
      "a 10",
      "b 11",
      "c -Infinity",
      "watermark 11",
      "idle",
      "active",
      "d 12",
      "watermark 12",
    ]);
  });
});

/** Reads the source to its end and notes everything that comes out of it. */
async function watch<T>(source: Source<T, never, never> | PushSource<T>, seen: unknown[]) {
  const run = started(source as PushSource<T>);
  const reader = run.subtasks[0]?.reader;
  const output = {
    collect: (record: T, timestamp?: number) => void seen.push(`${record} ${timestamp}`),
    emitWatermark: (watermark: number) => void seen.push(`watermark ${watermark}`),
    markIdle: () => void seen.push("idle"),
    markActive: () => void seen.push("active"),
  };
  const all = { ...output, createOutputForSplit: () => output, releaseOutputForSplit() {} };
  let status = "";
  await eventually(() => {
    run.checkpoint();
    status = reader?.pollNext(all) ?? "END_OF_INPUT";
    return status === "END_OF_INPUT";
  });
}
