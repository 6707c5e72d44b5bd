import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { NEVER, of, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  asyncIterableSource,
  eventSource,
  functionSource,
  observableSource,
  type PushSource,
  readableSource,
} from "../../../src/connectors/push/index.js";
import { readAll } from "../source-run.js";
import { emitting, numbers, pushing, started, upTo } from "./started-push.js";

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
});

describe("a push source whose producer fails", () => {
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
