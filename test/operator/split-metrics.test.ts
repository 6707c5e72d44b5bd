import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/mailbox/index.js";
import { MetricRegistry } from "../../src/metrics/index.js";
import { SplitMetrics } from "../../src/operator/split-metrics.js";
import { TimerGauge } from "../../src/operator/timer-gauge.js";
import { OperatorBench } from "../conformance/fixtures/operator-bench.js";
import { parseSplit } from "../conformance/fixtures/operator-split.js";

const PER_SPLIT = [
  "accumulatedActiveTimeMs",
  "accumulatedIdleTimeMs",
  "accumulatedPausedTimeMs",
  "activeTimeMsPerSecond",
  "currentWatermark",
  "idleTimeMsPerSecond",
  "pausedTimeMsPerSecond",
];

function metricsOf(bench: OperatorBench, splitId: string): string[] {
  const prefix = `split.${splitId}.`;
  return Object.keys(bench.metrics.snapshot())
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .sort();
}

describe("the metrics of a split", () => {
  it("come with an added split [SO-11] and are seven [SS-07]", () => {
    const bench = new OperatorBench();
    bench.operator.open([]);
    expect(metricsOf(bench, "2")).toEqual([]);
    bench.addSplits(parseSplit(2));
    expect(metricsOf(bench, "2")).toEqual(PER_SPLIT);
  });

  it("come with a restored split [SO-12]", () => {
    const bench = new OperatorBench();
    bench.operator.open([parseSplit(1)]);
    expect(metricsOf(bench, "1")).toEqual(PER_SPLIT);
  });

  it.each([true, false])("go with a finished split, progressive %s [SS-07]", (progressive) => {
    const bench = new OperatorBench({ perSplit: true, gen: "max", progressive });
    bench.operator.open([]);
    bench.addSplits(parseSplit({ id: 1, end: 1, records: [1] }), parseSplit({ id: 2 }));
    bench.emitNext();
    expect(metricsOf(bench, "1")).toEqual(PER_SPLIT);
    bench.emitNext();
    expect(metricsOf(bench, "1")).toEqual([]);
    expect(metricsOf(bench, "2")).toEqual(PER_SPLIT);
  });

  it("show the split's watermark [SO-13], -Infinity before it has one [SO-14]", () => {
    const bench = new OperatorBench({ perSplit: true, gen: "max" });
    bench.operator.open([]);
    bench.addSplits(parseSplit({ id: 2, records: [1000] }));
    const watermark = () => bench.metrics.snapshot()["split.2.currentWatermark"];
    expect(watermark()).toBe(Number.NEGATIVE_INFINITY);
    bench.emitNext();
    expect(watermark()).toBe(1000);
  });

  it("show each split's own watermark [SO-15]", () => {
    const bench = new OperatorBench({ perSplit: true, gen: "max" });
    bench.operator.open([]);
    bench.addSplits(parseSplit(19), parseSplit({ id: 11, records: [1000] }));
    bench.emitNext();
    const snapshot = bench.metrics.snapshot();
    expect(snapshot["split.19.currentWatermark"]).toBe(Number.NEGATIVE_INFINITY);
    expect(snapshot["split.11.currentWatermark"]).toBe(1000);
  });

  it("go when the operator is closed", async () => {
    const bench = new OperatorBench();
    bench.operator.open([parseSplit(1)]);
    await bench.operator.close();
    expect(metricsOf(bench, "1")).toEqual([]);
  });

  it("split the time into idle, paused and active", () => {
    const clock = new VirtualClock(50);
    const registry = new MetricRegistry();
    const metrics = new SplitMetrics(registry.root(), "7", clock, () => 3);
    const times = () =>
      ["Active", "Idle", "Paused"].map(
        (kind) => registry.snapshot()[`split.7.accumulated${kind}TimeMs`],
      );
    clock.advance(10);
    metrics.markIdle();
    clock.advance(20);
    metrics.markPaused();
    clock.advance(30);
    expect(times()).toEqual([10, 20, 30]);
    metrics.markIdle();
    clock.advance(5);
    metrics.markNotIdle();
    metrics.markNotPaused();
    clock.advance(4935);
    expect(times()).toEqual([4945, 25, 30]);
    const rates = ["active", "idle", "paused"].map(
      (kind) => registry.snapshot()[`split.7.${kind}TimeMsPerSecond`],
    );
    expect(rates).toEqual([989, 5, 6]);
  });
});

describe("the operator's metrics", () => {
  it("show its watermark, how far it is past its limit, and how long it has had nothing", () => {
    const bench = new OperatorBench({
      gen: "punctuated",
      alignment: {},
      wait: "WAIT_UNTIL_ALL_SPLITS_ASSIGNED",
    });
    bench.operator.open([]);
    bench.addSplits(parseSplit({ id: 1, records: [1000] }));
    bench.emitNext();
    expect(bench.metrics.snapshot()).toMatchObject({
      currentOutputWatermark: 1000,
      watermarkAlignmentDrift: 0,
      sourceIdleTime: 0,
    });
    bench.align(900);
    bench.emitNext();
    bench.clock.advance(70);
    expect(bench.metrics.snapshot()).toMatchObject({
      watermarkAlignmentDrift: 100,
      sourceIdleTime: 70,
    });
  });
});

describe("TimerGauge", () => {
  it("gives milliseconds per second over the full five seconds of the last minute", () => {
    const clock = new VirtualClock();
    const gauge = new TimerGauge(clock);
    gauge.markStart();
    clock.advance(2500);
    gauge.markEnd();
    expect(gauge.perSecond).toBe(0);
    clock.advance(2500);
    expect(gauge.perSecond).toBe(500);
    clock.advance(5000);
    expect(gauge.perSecond).toBe(250);
    clock.advance(50_000);
    expect(gauge.perSecond).toBeCloseTo(2500 / 60);
    clock.advance(5000);
    expect(gauge.perSecond).toBe(0);
    expect(gauge.accumulated).toBe(2500);
  });

  it("counts a measurement under way, over gaps longer than the window too", () => {
    const clock = new VirtualClock(1);
    const gauge = new TimerGauge(clock);
    clock.advance(1000);
    gauge.markStart();
    gauge.markStart();
    clock.advance(10 * 86_400_000);
    expect(gauge.accumulated).toBe(10 * 86_400_000);
    expect(gauge.perSecond).toBe(1000);
    expect(gauge.isMeasuring).toBe(true);
    gauge.markEnd();
    gauge.markEnd();
    clock.advance(30_000);
    expect(gauge.perSecond).toBeGreaterThan(450);
    expect(gauge.perSecond).toBeLessThan(600);
    expect(gauge.accumulated).toBe(10 * 86_400_000);
  });
});
