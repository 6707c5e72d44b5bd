import { describe, expect, it } from "vitest";
import { MetricRegistry } from "../../src/metrics/index.js";

describe("MetricRegistry", () => {
  it("shows every metric by its full dotted name", () => {
    const registry = new MetricRegistry();
    const root = registry.root();
    root.counter("numRestarts").inc();
    const subtask = root.group("source").group("0");
    subtask.counter("numRecordsIn").inc(5);
    subtask.gauge("currentEmitEventTimeLag", () => 42);
    expect(registry.snapshot()).toEqual({
      numRestarts: 1,
      "source.0.numRecordsIn": 5,
      "source.0.currentEmitEventTimeLag": 42,
    });
  });

  it("gives the same counter and the same group for the same name", () => {
    const root = new MetricRegistry().root();
    expect(root.group("a")).toBe(root.group("a"));
    root.counter("n").inc();
    root.counter("n").inc(2);
    expect(root.counter("n").count).toBe(3);
    expect(root.group("a").counter("n").count).toBe(0);
  });

  it("reads a gauge when a snapshot is taken, and only then", () => {
    const registry = new MetricRegistry();
    let reads = 0;
    registry.root().gauge("g", () => ++reads);
    expect(reads).toBe(0);
    expect([registry.snapshot().g, registry.snapshot().g]).toEqual([1, 2]);
  });

  it("takes a gauge that throws, or gives no number, for no number", () => {
    const registry = new MetricRegistry();
    registry.root().gauge("throws", () => {
      throw new Error("closed");
    });
    registry.root().gauge("nothing", () => undefined as never);
    registry.root().gauge("big", () => 5n as never);
    registry.root().gauge("fine", () => 1);
    const no = Number.NaN;
    expect(registry.snapshot()).toEqual({ throws: no, nothing: no, big: no, fine: 1 });
    expect(registry.readings().map(({ value }) => value)).toEqual([no, no, no, 1]);
  });

  it("lets a second gauge of a name replace the first", () => {
    const registry = new MetricRegistry();
    registry.root().gauge("g", () => 1);
    registry.root().gauge("g", () => 2);
    expect(registry.snapshot()).toEqual({ g: 2 });
  });

  it("leaves earlier snapshots as they were", () => {
    const registry = new MetricRegistry();
    const counter = registry.root().counter("n");
    const before = registry.snapshot();
    counter.inc();
    expect(before).toEqual({ n: 0 });
  });

  it("forgets a closed group with all in it, and starts its name anew", () => {
    const registry = new MetricRegistry();
    const attempt = registry.root().group("attempt");
    attempt.group("reader").counter("n").inc();
    attempt.close();
    expect(registry.snapshot()).toEqual({});
    const next = registry.root().group("attempt");
    next.counter("n").inc();
    attempt.close();
    expect(registry.snapshot()).toEqual({ "attempt.n": 1 });
  });
});
