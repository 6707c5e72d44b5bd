import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Source } from "../../../src/api/source.js";
import {
  functionSource,
  type PushSource,
  type SourceFunctionContext,
} from "../../../src/connectors/push/index.js";
import { eventually } from "../socket/line-server.js";
import { type SourceCheckpoint, SourceRun } from "../source-run.js";
import { started, upTo } from "./started-push.js";

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
