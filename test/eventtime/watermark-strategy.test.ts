import { describe, expect, it } from "vitest";
import type { WatermarkStrategy } from "../../src/api/watermark.js";
import { HeadwaterError } from "../../src/errors/index.js";
import {
  boundedOutOfOrderness,
  monotonousTimestamps,
  noWatermarks,
  punctuatedWatermarks,
  watermarkGenerator,
} from "../../src/eventtime/index.js";
import { VirtualClock } from "../../src/mailbox/index.js";

const context = { inputActivityClock: new VirtualClock() };

/** Watermarks that a strategy's generator emits for timestamps, and then at an interval. */
function watermarksOf(strategy: WatermarkStrategy<number>, timestamps: readonly number[]) {
  const watermarks: number[] = [];
  const output = {
    emitWatermark: (watermark: number) => watermarks.push(watermark),
    markIdle() {},
    markActive() {},
  };
  const generator = strategy.createWatermarkGenerator(context);
  for (const timestamp of timestamps) generator.onEvent(timestamp, timestamp, output);
  const perEvent = watermarks.splice(0);
  generator.onPeriodicEmit(output);
  return { perEvent, periodic: watermarks };
}

describe("generators", () => {
  it("lags the highest timestamp by the bound and one millisecond", () => {
    const seen = watermarksOf(boundedOutOfOrderness("5s"), [10_000, 20_000, 12_000]);
    expect(seen).toEqual({ perEvent: [], periodic: [14_999] });
  });

  it("lags monotonous timestamps by one millisecond", () => {
    expect(watermarksOf(monotonousTimestamps(), [7, 8]).periodic).toEqual([7]);
  });

  it("emits the lowest watermark before the first record", () => {
    expect(watermarksOf(boundedOutOfOrderness(10), []).periodic).toEqual([
      Number.NEGATIVE_INFINITY,
    ]);
  });

  it("leaves a timestamp that is no number out", () => {
    expect(watermarksOf(monotonousTimestamps(), [7, Number.NaN, 5]).periodic).toEqual([6]);
  });

  it("emits what the function finds in a record, at once", () => {
    const strategy = punctuatedWatermarks<number>((record) => (record > 1 ? record : undefined));
    expect(watermarksOf(strategy, [1, 2, 3])).toEqual({ perEvent: [2, 3], periodic: [] });
  });

  it("emits nothing without watermarks", () => {
    expect(watermarksOf(noWatermarks(), [1, 2])).toEqual({ perEvent: [], periodic: [] });
  });

  it("makes one generator for each output", () => {
    let made = 0;
    const strategy = watermarkGenerator<number>(() => {
      made++;
      return { onEvent() {}, onPeriodicEmit() {} };
    });
    strategy.createWatermarkGenerator(context);
    strategy.createWatermarkGenerator(context);
    expect(made).toBe(2);
  });
});

describe("strategies", () => {
  it("keeps the record's timestamp unless an assigner is given", () => {
    const strategy = monotonousTimestamps<{ at: number }>();
    const record = { at: 5 };
    expect(strategy.createTimestampAssigner(context)(record, 3)).toBe(3);
    const assigned = strategy.withTimestampAssigner((r) => r.at);
    expect(assigned.createTimestampAssigner(context)(record, 3)).toBe(5);
  });

  it("returns a new strategy each time, with everything said before", () => {
    const base = boundedOutOfOrderness<number>(0).withTimestampAssigner((record) => record * 2);
    const aligned = base.withWatermarkAlignment({ group: "g", maxDrift: "1d" }).withIdleness("30s");
    expect(base.alignment).toBeUndefined();
    expect(aligned.alignment).toEqual({ group: "g", maxDrift: 86_400_000, updateInterval: 1000 });
    expect(aligned.createTimestampAssigner(context)(4, 0)).toBe(8);
    expect(watermarksOf(aligned, [9]).periodic).toEqual([8]);
  });

  it("takes the alignment's update interval", () => {
    const { alignment } = noWatermarks().withWatermarkAlignment({
      group: "g",
      maxDrift: 0,
      updateInterval: "100ms",
    });
    expect(alignment).toEqual({ group: "g", maxDrift: 0, updateInterval: 100 });
  });

  it.each([
    ["a drift below 0", { group: "g", maxDrift: -1 }, "withWatermarkAlignment.maxDrift"],
    ["no group", { group: "", maxDrift: 1 }, "withWatermarkAlignment.group"],
    ["an unknown key", { group: "g", maxDrift: 1, drift: 2 }, "withWatermarkAlignment.drift"],
    [
      "an interval of 0",
      { group: "g", maxDrift: 1, updateInterval: 0 },
      "withWatermarkAlignment.updateInterval",
    ],
    [
      "an interval that is no duration",
      { group: "g", maxDrift: 1, updateInterval: "soon" },
      "withWatermarkAlignment.updateInterval",
    ],
  ])("refuses %s by its path", (_what, options, path) => {
    const refused = expectOptionInvalid(() => noWatermarks().withWatermarkAlignment(options));
    expect(refused.message).toContain(path);
  });

  it("refuses what is no duration and what is no function", () => {
    const nothing = undefined as never;
    expectOptionInvalid(() => boundedOutOfOrderness("five"));
    expectOptionInvalid(() => boundedOutOfOrderness(-1));
    expectOptionInvalid(() => noWatermarks().withIdleness("0s"));
    expectOptionInvalid(() => noWatermarks().withTimestampAssigner(nothing));
    expectOptionInvalid(() => punctuatedWatermarks(nothing));
    expectOptionInvalid(() => watermarkGenerator(nothing));
  });
});

function expectOptionInvalid(call: () => unknown): HeadwaterError {
  try {
    call();
  } catch (error) {
    if (error instanceof HeadwaterError && error.code === "OPTION_INVALID") return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
