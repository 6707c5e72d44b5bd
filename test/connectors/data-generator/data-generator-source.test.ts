import { describe, expect, it } from "vitest";
import type { ReaderOutput } from "../../../src/api/source-reader.js";
import { dataGenerator } from "../../../src/connectors/data-generator/index.js";
import { ReaderHarness } from "../../support/reader-harness.js";
import { readAll, SourceRun } from "../source-run.js";

const square = (index: number): number => index * index;

/** One reader of a source in virtual time, with one split of indices. */
function readerOf(options: object, parallelism = 1) {
  const harness = new ReaderHarness({ parallelism });
  const source = dataGenerator<number>({ generate: (index) => index, ...options });
  const reader = source.createReader(harness.context);
  const records: number[] = [];
  const output: ReaderOutput<number> = {
    collect: (record) => records.push(record),
    emitWatermark() {},
    markIdle() {},
    markActive() {},
    createOutputForSplit: () => output,
    releaseOutputForSplit() {},
  };
  reader.start();
  reader.addSplits([{ splitId: "1", from: 0, to: 999 }]);
  /** Polls as the operator does: until there is nothing, and then only when the reader says so. */
  const drain = (): number => {
    const poll = () => {
      harness.context.pollBudget.remaining = 128;
      return reader.pollNext(output);
    };
    while (reader.isAvailable().isDone && poll() === "MORE_AVAILABLE");
    return records.length;
  };
  return { harness, reader, records, drain };
}

describe("dataGenerator", () => {
  it("generates a record for each index, once, in any number of subtasks", async () => {
    for (const options of [{}, { splits: 5 }]) {
      const source = dataGenerator({ count: 30, generate: square, ...options });
      expect(source.boundedness).toBe("BOUNDED");
      const records = await readAll(source, { parallelism: 2 });
      expect(records.sort((a, b) => a - b)).toEqual([...Array(30).keys()].map(square));
    }
    expect(await readAll(dataGenerator({ count: 0, generate: square }))).toEqual([]);
  });

  it("has no end without a count", async () => {
    const source = dataGenerator({ generate: square });
    expect(source.boundedness).toBe("CONTINUOUS_UNBOUNDED");
    const run = new SourceRun(source, { parallelism: 2 }).start();
    expect(await run.take(1000)).toHaveLength(1000);
    await run.close();
    const infinite = dataGenerator({ generate: square, count: Number.POSITIVE_INFINITY });
    expect(infinite.boundedness).toBe("CONTINUOUS_UNBOUNDED");
  });

  it("goes on after a restore with exactly the rest, from every position", async () => {
    const source = dataGenerator({ count: 9, generate: square, splits: 2 });
    for (let taken = 0; taken <= 9; taken++) {
      const run = new SourceRun(source).start();
      const before = await run.take(taken);
      const restore = run.checkpoint();
      const after = await readAll(source, { restore });
      expect([...before, ...after]).toEqual([...Array(9).keys()].map(square));
    }
  });

  it("keeps to the rate, shared by the subtasks", () => {
    const { harness, drain } = readerOf({ rate: 10 }, 2);
    expect(drain()).toBeLessThanOrEqual(2);
    harness.clock.advance(0);
    const started = drain();
    let emitted = started;
    for (let ms = 0; ms < 10_000; ms += 100) {
      harness.clock.advance(100);
      emitted = drain();
    }
    expect(emitted - started).toBeGreaterThanOrEqual(48);
    expect(emitted - started).toBeLessThanOrEqual(51);
  });

  it("2 records between two completed checkpoints [RB-05]", () => {
    const { reader, drain } = readerOf({ perCheckpoint: 2 });
    for (let checkpoint = 0; checkpoint < 5; checkpoint++) {
      const emitted = drain();
      expect(emitted).toBeGreaterThanOrEqual(1 + 2 * checkpoint);
      expect(emitted).toBeLessThanOrEqual(1 + 2 * (checkpoint + 1));
      expect(reader.isAvailable().isDone).toBe(false);
      reader.notifyCheckpointComplete?.(checkpoint);
    }
  });

  it("fails, naming the split, with what generate throws", async () => {
    const source = dataGenerator({
      count: 3,
      generate: (index) => {
        if (index === 1) throw new Error("no record 1");
        return index;
      },
    });
    await expect(readAll(source)).rejects.toMatchObject({
      code: "READER_FAILED",
      domain: "user",
      message: expect.stringContaining('"1"'),
      cause: { message: "no record 1" },
    });
  });

  it("refuses options that it cannot take, by name", () => {
    const refused = (options: object) => () => dataGenerator(options as never);
    expect(refused({})).toThrow(/dataGenerator\.generate/);
    expect(refused({ generate: square, count: -1 })).toThrow(/dataGenerator\.count/);
    expect(refused({ generate: square, rate: 0 })).toThrow(/dataGenerator\.rate/);
    expect(refused({ generate: square, rate: 1, perCheckpoint: 1 })).toThrow(
      /dataGenerator\.perCheckpoint: expected no other rate/,
    );
    expect(refused({ generate: square, cuont: 1 })).toThrow(/dataGenerator\.cuont.*misspelt/);
  });
});
