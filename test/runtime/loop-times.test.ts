import { defineJob, discardSink, noWatermarks, numberSequenceSource } from "headwater";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/mailbox/index.js";
import { MetricRegistry } from "../../src/metrics/metric-registry.js";
import { OperatorMetrics } from "../../src/operator/operator-metrics.js";
import { LoopTimes } from "../../src/runtime/loop-times.js";
import { RecordRate } from "../../src/runtime/record-rate.js";
import { MemoryLog, memoryLogSource } from "../../src/testing/index.js";
import { JobHarness } from "../support/job-harness.js";

describe("what a subtask does with its time", () => {
  it("is busy, idle or held back, and the three make up all of it", () => {
    const clock = new VirtualClock(0);
    const registry = new MetricRegistry();
    const times = new LoopTimes(clock);
    let records = 0;
    times.register(registry.root(), () => records);
    times.idlingStarted();
    clock.advance(2000);
    times.idlingEnded();
    times.markBackPressured(true);
    clock.advance(1000);
    times.markBackPressured(false);
    clock.advance(2000);
    records = 10_000;
    expect(registry.snapshot()).toEqual({
      idleTimeMsPerSecond: 400,
      backPressuredTimeMsPerSecond: 200,
      busyTimeMsPerSecond: 400,
      accumulateIdleTimeMs: 2000,
      accumulateBackPressuredTimeMs: 1000,
      accumulateBusyTimeMs: 2000,
      numRecordsOutPerSecond: 2000,
    });
  });

  it("is not busy when its input has ended and the job goes on", async () => {
    const job = defineJob("half-done", (env) => {
      const bounded = numberSequenceSource({ from: 1, to: 5000 });
      env.fromSource(bounded, noWatermarks(), { id: "bounded" }).sinkTo(discardSink());
      const log = memoryLogSource(new MemoryLog([[1]]));
      env.fromSource(log, noWatermarks<number>(), { id: "endless" }).sinkTo(discardSink());
    });
    const harness = await JobHarness.start(job);
    await harness.advance(120_000);
    const metrics = harness.handle.metrics();
    expect(metrics["bounded.subtask.0.numRecordsOut"]).toBe(5000);
    expect(metrics["bounded.subtask.0.busyTimeMsPerSecond"]).toBe(0);
    expect(metrics["endless.subtask.0.busyTimeMsPerSecond"]).toBe(0);
    await harness.result(harness.handle.cancel());
    await harness.end();
  });

  it("has a rate over the last minute, not over all its life", () => {
    const rate = new RecordRate(0);
    for (let now = 200; now <= 600_000; now += 200)
      rate.sample(now, now < 500_000 ? 0 : now - 500_000);
    expect(rate.perSecond(600_000, 100_000)).toBe(1000);
    expect(new RecordRate(5).perSecond(5, 7)).toBe(0);
  });
});

describe("the lags of a source operator", () => {
  it("are measured until now while it is busy, and until idling began while it is idle", () => {
    const clock = new VirtualClock(100_000);
    const registry = new MetricRegistry();
    const source = { latestWatermark: Number.NEGATIVE_INFINITY, maxDesiredWatermark: Infinity };
    let timestamp = Number.NEGATIVE_INFINITY;
    const metrics = new OperatorMetrics(
      {
        metricGroup: registry.root(),
        processingTime: clock as never,
        lastEmittedTimestamp: () => timestamp,
      },
      source,
    );
    const lags = () => {
      const { watermarkLag, currentEmitEventTimeLag } = registry.snapshot();
      return [watermarkLag, currentEmitEventTimeLag];
    };
    expect(lags()).toEqual([-1, -1]);
    timestamp = 99_000;
    source.latestWatermark = 98_000;
    expect(lags()).toEqual([2000, 1000]);
    metrics.idlingStarted();
    clock.advance(5000);
    expect(lags()).toEqual([2000, 1000]);
    metrics.recordEmitted();
    expect(lags()).toEqual([7000, 6000]);
    source.latestWatermark = Number.POSITIVE_INFINITY;
    expect(lags()).toEqual([-1, 6000]);
  });
});
