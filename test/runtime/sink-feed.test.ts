import { describe, expect, it } from "vitest";
import type { BadRecord, SinkWriter } from "../../src/index.js";
import type { SinkCommits } from "../../src/runtime/sink-commits.js";
import { SinkFeed } from "../../src/runtime/sink-feed.js";
import { ChunkBuilder } from "../../src/stream/index.js";

function badRecord(position: number): BadRecord {
  const error = { name: "Error", message: "unreadable" };
  const raw = new Uint8Array([position]);
  return { pipeline: "p", source: "s", splitId: "x", position, raw, rawLength: 1, error };
}

/** A feed whose calls, to its writers and to its listener, are listed. */
function setUp(results: { write?: () => Promise<void>; deadLetters?: boolean } = {}) {
  const calls: string[] = [];
  const writer: SinkWriter<unknown> = {
    write: (records, timestamps) => {
      calls.push(`records ${records} at ${timestamps}`);
    },
    writeWatermark: (watermark) => void calls.push(`watermark ${watermark}`),
    flush: (end) => void calls.push(`flush ${end}`),
  };
  const deadLetters: SinkWriter<BadRecord> = {
    write: (all, timestamps) => {
      calls.push(`dead letters ${all.map((one) => one.position)} at ${timestamps}`);
      return results.write?.();
    },
    writeWatermark: () => void calls.push("dead-letter watermark"),
    flush: (end) => void calls.push(`dead-letter flush ${end}`),
  };
  // These sinks have nothing to commit, and are not asked for it.
  const commits = {} as SinkCommits;
  const feed = new SinkFeed(
    {
      main: { name: "numbers", writer, commits, stateName: undefined },
      deadLetters:
        results.deadLetters === false
          ? undefined
          : { name: "rejects", writer: deadLetters, commits, stateName: undefined },
    },
    { pipeline: "p", subtask: 0 },
    {
      chunkWritten: () => void calls.push("written"),
      barrierReached: ({ checkpointId }) => void calls.push(`barrier ${checkpointId}`),
      sinkSnapshot: (_checkpointId, name) => void calls.push(`state of ${name}`),
      sinkDeclined: (checkpointId) => void calls.push(`declined ${checkpointId}`),
      endReached: () => void calls.push("end"),
      failed: (error) => void calls.push(String((error as Error).message)),
      progressed: () => void calls.push("progressed"),
    },
  );
  return { calls, feed, builder: new ChunkBuilder<unknown>() };
}

describe("a chunk with dead letters", () => {
  it("is written records first, then its dead letters at once, then flushed for its barrier", () => {
    const { calls, feed, builder } = setUp();
    builder.emitBadRecord(badRecord(0));
    builder.emitRecord(1, 10);
    builder.emitBadRecord(badRecord(2));
    builder.emitBadRecord(badRecord(3));
    builder.emitWatermark(10);
    builder.emitRecord(4, 11);
    builder.emitBadRecord(badRecord(5));
    builder.emitBarrier({ checkpointId: 7, stop: false });
    feed.accept(builder.take());
    expect(calls).toEqual([
      "records 1 at 10",
      "watermark 10",
      "records 4 at 11",
      "dead letters 0,2,3,5 at -Infinity,-Infinity,-Infinity,-Infinity",
      "flush false",
      "dead-letter flush false",
      "barrier 7",
      "written",
    ]);
  });

  it("is written in the same order before the end", () => {
    const { calls, feed, builder } = setUp();
    builder.emitRecord(1, 10);
    builder.emitBadRecord(badRecord(2));
    builder.emitEndOfData();
    feed.accept(builder.take());
    expect(calls).toEqual([
      "records 1 at 10",
      "dead letters 2 at -Infinity",
      "flush true",
      "dead-letter flush true",
      "end",
      "written",
    ]);
  });

  it("without a barrier is not flushed", () => {
    const { calls, feed, builder } = setUp();
    builder.emitBadRecord(badRecord(1));
    builder.emitRecord(2, 10);
    feed.accept(builder.take());
    expect(calls).toEqual(["records 2 at 10", "dead letters 1 at -Infinity", "written"]);
  });

  it("has its barrier, and the next chunk, wait for a promise of the dead-letter writer", async () => {
    let settle = (): void => {};
    const write = () =>
      new Promise<void>((resolve) => {
        settle = resolve;
      });
    const { calls, feed, builder } = setUp({ write });
    builder.emitBadRecord(badRecord(1));
    builder.emitBarrier({ checkpointId: 7, stop: false });
    feed.accept(builder.take());
    builder.emitRecord(2, 10);
    feed.accept(builder.take());
    expect(calls.splice(0)).toEqual(["dead letters 1 at -Infinity"]);
    settle();
    await Promise.resolve();
    expect(calls.splice(0)).toEqual(["progressed"]);
    feed.resume();
    expect(calls).toEqual([
      "flush false",
      "dead-letter flush false",
      "barrier 7",
      "written",
      "records 2 at 10",
      "written",
    ]);
  });

  it("that fails says which sink and what it did, also when it fails later", async () => {
    const { calls, feed, builder } = setUp({ write: () => Promise.reject(new Error("full")) });
    builder.emitRecord(2, 10);
    builder.emitBadRecord(badRecord(1));
    feed.accept(builder.take());
    await Promise.resolve();
    await Promise.resolve();
    feed.resume();
    expect(calls.at(-1)).toBe("sink rejects failed to write in subtask 0 of pipeline p");
  });
});
