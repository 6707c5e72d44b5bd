import fc from "fast-check";
import { NEVER, of, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import {
  type CollectionInput,
  type CollectionOptions,
  collection,
  elements,
} from "../../../src/connectors/elements/index.js";
import { readAll, SourceRun } from "../source-run.js";

async function* numbers(to: number): AsyncGenerator<number> {
  for (let i = 0; i < to; i++) {
    await Promise.resolve();
    yield i;
  }
}

const upTo = (to: number): number[] => [...Array(to).keys()];

/** Takes some, makes a checkpoint, ends, and reads the rest in a second life of the same source. */
async function inTwoLives<T>(
  input: CollectionInput<T>,
  taken: number,
  options: CollectionOptions = {},
): Promise<T[]> {
  const source = collection(input, options);
  const run = new SourceRun(source).start();
  const before = await run.take(taken);
  const restore = run.checkpoint();
  await run.close();
  return [...before, ...(await readAll(source, { restore }))];
}

describe("elements", () => {
  it("gives the values in their order, null and undefined too", async () => {
    expect(await readAll(elements(3, null, undefined, 1))).toEqual([3, null, undefined, 1]);
    expect(await readAll(elements())).toEqual([]);
  });

  it("is read by one of several subtasks, and the others end", async () => {
    expect(await readAll(elements(...upTo(1500)), { parallelism: 3 })).toEqual(upTo(1500));
  });
});

describe("collection", () => {
  it.each<[string, () => CollectionInput<number>]>([
    ["an array", () => upTo(1500)],
    ["a set", () => new Set(upTo(1500))],
    ["an iterator", () => upTo(1500).values()],
    ["an async iterable", () => numbers(1500)],
    ["an Observable", () => of(...upTo(1500))],
    ["a function that gives an iterable", () => () => upTo(1500)],
    ["a function that gives an async iterable", () => () => numbers(1500)],
    ["a function that gives an Observable", () => () => of(...upTo(1500))],
  ])("gives what %s gives, in its order", async (_, input) => {
    expect(await readAll(collection(input()))).toEqual(upTo(1500));
  });

  it.each<[string, CollectionInput<number>]>([
    ["an array", upTo(1100)],
    ["a function that gives an iterator", () => upTo(1100).values()],
    ["a function that gives an async iterable", () => numbers(1100)],
    ["a function that gives an Observable", () => of(...upTo(1100))],
  ])("goes on after a restore with exactly the rest of %s", async (_, input) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1100 }), async (taken) => {
        expect(await inTwoLives(input, taken)).toEqual(upTo(1100));
      }),
      { numRuns: 15, examples: [[0], [1], [512], [1099], [1100]] },
    );
  });

  it.each<[string, () => CollectionInput<number>]>([
    ["an iterator", () => upTo(9).values()],
    ["an async iterable", () => numbers(9)],
    ["an Observable", () => of(...upTo(9))],
  ])(
    "refuses to read %s again that was given as a value, even from its start",
    async (_, input) => {
      for (const taken of [1, 4]) {
        await expect(inTwoLives(input(), taken)).rejects.toMatchObject({
          hint: expect.stringContaining("collection(() => source())"),
          cause: { cause: { code: "UNSUPPORTED_OPERATION" } },
        });
      }
      const source = collection(input());
      await readAll(source);
      await expect(readAll(source)).rejects.toMatchObject({
        cause: { cause: { code: "UNSUPPORTED_OPERATION" } },
      });
    },
  );

  it("says when a collection has become shorter than what was read of it", async () => {
    let size = 10;
    await expect(
      inTwoLives(() => {
        const all = upTo(size);
        size = 3;
        return all;
      }, 5),
    ).rejects.toMatchObject({
      cause: {
        cause: { message: expect.stringMatching(/has 3 elements now and 5 had been read/) },
      },
    });
  });

  it("pulls no further ahead from an async iterable than its buffer holds", async () => {
    let pulled = 0;
    async function* counted(): AsyncGenerator<number> {
      for (;;) yield pulled++;
    }
    const run = new SourceRun(collection(() => counted(), { bufferSize: 10 })).start();
    expect(await run.take(25)).toEqual(upTo(25));
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    // 25 emitted; the rest of a batch, two batches in the queue, one at the fetcher, one buffer.
    expect(pulled).toBeLessThanOrEqual(25 + 10 * 5 + 1);
    await run.close();
  });

  it("fails, with what to do, when an Observable pushes faster than the job reads", async () => {
    const subject = new Subject<number>();
    const run = new SourceRun(collection(() => subject, { bufferSize: 4 })).start();
    const reading = run.take();
    const failed = expect(reading).rejects.toMatchObject({
      hint: expect.stringContaining("bufferSize"),
      cause: { cause: { code: "LIMIT_EXCEEDED" } },
    });
    while (!subject.observed) await new Promise(setImmediate);
    for (const i of upTo(20)) subject.next(i);
    await failed;
    expect(subject.observed).toBe(false);
    await run.close();
  });

  it("gives what came before an error, and then fails with the error as its cause", async () => {
    const failing: [string, () => CollectionInput<number>][] = [
      [
        "sync",
        () => () =>
          (function* () {
            yield 1;
            throw new Error("no more numbers");
          })(),
      ],
      [
        "async",
        () =>
          (async function* () {
            yield 1;
            throw new Error("no more numbers");
          })(),
      ],
    ];
    for (const [, input] of failing) {
      const run = new SourceRun(collection(input())).start();
      expect(await run.take(1)).toEqual([1]);
      await expect(run.take(1)).rejects.toMatchObject({
        cause: { cause: { code: "READER_FAILED", cause: { message: "no more numbers" } } },
      });
      await run.close();
    }
  });

  it("ends a wait for an Observable, and its subscription, when the reader is closed", async () => {
    const subject = new Subject<number>();
    for (const input of [() => subject, () => NEVER]) {
      const run = new SourceRun(collection<number>(input)).start();
      void run.take();
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      await run.close();
    }
    expect(subject.observed).toBe(false);
  });

  it("returns an iterator that it does not read to its end", async () => {
    let returned = 0;
    function* endless(): Generator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        returned++;
      }
    }
    const run = new SourceRun(collection(() => endless())).start();
    await run.take(3);
    await run.close();
    expect(returned).toBe(1);
  });

  it("refuses what is no collection", () => {
    expect(() => collection(7 as never)).toThrow(/collection\.input: expected an iterable.*got 7/);
    expect(() => collection(undefined as never)).toThrow(/collection\.input/);
    expect(() => collection([], { bufferSize: 0 })).toThrow(/collection\.bufferSize/);
    expect(() => collection([], { buffer: 1 } as never)).toThrow(/collection\.buffer.*misspelt/);
  });
});
