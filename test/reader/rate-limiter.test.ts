import { describe, expect, it } from "vitest";
import {
  noOp,
  perCheckpoint,
  perSecond,
  type RateLimiterStrategy,
  SingleThreadFetcherManager,
} from "../../src/reader/index.js";
import {
  NumbersOutput,
  NumbersReader,
  NumbersSplitReader,
  numbersSplit,
  pump,
} from "../support/reader-fixtures.js";
import { ReaderHarness } from "../support/reader-harness.js";

function setUp(rateLimiterStrategy: RateLimiterStrategy, parallelism = 1) {
  const harness = new ReaderHarness({ parallelism });
  const reader = new NumbersReader({
    context: harness.context,
    rateLimiterStrategy,
    fetcherManager: new SingleThreadFetcherManager({
      context: harness.context,
      splitReaderFactory: () => new NumbersSplitReader(),
    }),
  });
  return { harness, reader, output: new NumbersOutput() };
}

/** Reads to the end, moving the clock only when the reader waits for it; the seconds it took. */
async function secondsToRead(limit: RateLimiterStrategy, records: number, parallelism = 1) {
  const { harness, reader, output } = setUp(limit, parallelism);
  reader.addSplits([numbersSplit(0, records)]);
  reader.notifyNoMoreSplits();
  while ((await pump(harness, reader, output)) !== "END_OF_INPUT") {
    expect(reader.isAvailable().isDone).toBe(false);
    harness.clock.advanceToNextTimer();
    expect(reader.isAvailable().isDone).toBe(true);
  }
  expect(output.records).toHaveLength(records);
  return harness.clock.now() / 1000;
}

describe("rate limiter", () => {
  it("takes about thirty seconds for 60 records at 2 a second [RB-04]", async () => {
    const seconds = await secondsToRead(perSecond(2), 60);
    expect(seconds).toBeGreaterThanOrEqual(25);
    expect(seconds).toBeLessThanOrEqual(35);
  });

  it("gives each subtask an equal share of the records a second", async () => {
    expect(await secondsToRead(perSecond(8), 60, 4)).toBeCloseTo(
      await secondsToRead(perSecond(2), 60),
    );
  });

  it("lets at most one second's worth of unused permits through at once", async () => {
    const { harness, reader, output } = setUp(perSecond(4));
    harness.clock.advance(60_000);
    reader.addSplits([numbersSplit(0, 20)]);
    await pump(harness, reader, output);
    // Four from the store, one that the next pays for, and the one that finds the gate closed.
    expect(output.records).toHaveLength(6);
  });

  it("opens a gate of two records anew with each completed checkpoint [RB-05]", async () => {
    const { harness, reader, output } = setUp(perCheckpoint(2));
    reader.addSplits([numbersSplit(0, 30)]);
    for (let checkpoint = 1; output.records.length < 30; checkpoint++) {
      await pump(harness, reader, output);
      expect(output.records.length).toBeGreaterThan(2 * (checkpoint - 1));
      expect(output.records.length).toBeLessThanOrEqual(1 + 2 * checkpoint);
      if (output.records.length < 30) expect(reader.isAvailable().isDone).toBe(false);
      reader.notifyCheckpointComplete(checkpoint);
      expect(reader.isAvailable().isDone).toBe(output.records.length < 30);
    }
  });

  it("does not limit with noOp", async () => {
    expect(await secondsToRead(noOp(), 100)).toBe(0);
  });

  it("refuses shares that let nothing through", () => {
    expect(() => perSecond(0)).toThrow(/> 0/);
    expect(() => setUp(perCheckpoint(3), 4)).toThrow(/at least the parallelism/);
  });
});
