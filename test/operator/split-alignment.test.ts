import { describe, expect, it } from "vitest";
import { OperatorBench } from "../conformance/fixtures/operator-bench.js";
import { parseSplit } from "../conformance/fixtures/operator-split.js";
import type { Json } from "../conformance/protocol.js";

const ALIGNED = {
  perSplit: true,
  gen: "max",
  t0: 1,
  alignment: { group: "group1", intervalMs: 1000 },
};
const IDLE_AWARE = { ...ALIGNED, idleMs: 100 };
const WAITING = { ...IDLE_AWARE, wait: "WAIT_UNTIL_ALL_SPLITS_ASSIGNED" };

function setUp(config: Json, ...splits: readonly Json[]): OperatorBench {
  const bench = new OperatorBench(config);
  bench.operator.open([]);
  bench.addSplits(...splits.map(parseSplit));
  return bench;
}

function emit(bench: OperatorBench, times = 1): void {
  for (let i = 0; i < times; i++) bench.emitNext();
}

/** Ten watermark intervals. */
function pass(bench: OperatorBench): void {
  for (let i = 0; i < 10; i++) bench.clock.advance(100);
}

const paused = (bench: OperatorBench) => [...bench.operator.pausedSplits].sort();
const idle = (bench: OperatorBench) => [...bench.operator.idleSplits].sort();
const statuses = (bench: OperatorBench) =>
  bench.output.elements.flatMap(({ status }) => (status === undefined ? [] : [status]));

describe("alignment of single splits", () => {
  it("pauses what is past the limit and resumes what is not [SS-01]", () => {
    const bench = setUp(ALIGNED, { id: 0, records: [5, 11] }, { id: 1, records: [3, 12] });
    emit(bench);
    bench.align(4);
    expect(paused(bench)).toEqual(["0"]);
    expect([...bench.reader.paused]).toEqual(["0"]);
    bench.align(5);
    expect(paused(bench)).toEqual([]);
    expect([...bench.reader.paused]).toEqual([]);
  });

  it("pauses a split while it emits, strictly past the limit [SS-02]", () => {
    const bench = setUp(ALIGNED, { id: 0, records: [5, 11] }, { id: 1, records: [3, 12] });
    emit(bench);
    bench.align(4);
    bench.align(5);
    emit(bench, 2);
    expect(paused(bench)).toEqual(["0"]);
    emit(bench);
    expect(paused(bench)).toEqual(["0", "1"]);
    expect([...bench.operator.splitWatermarks]).toEqual([
      ["0", 11],
      ["1", 12],
    ]);
  });

  it("is not idle under back-pressure [SS-03]", () => {
    const bench = setUp(
      { perSplit: true, gen: "max", idleMs: 100, t0: 1, wait: "WAIT_UNTIL_ALL_SPLITS_ASSIGNED" },
      { id: 0, records: [42, 44] },
      { id: 1 },
    );
    bench.operator.markBackPressured(true);
    for (let i = 0; i < 10; i++) {
      bench.clock.advance(100);
      bench.emitNext();
    }
    expect(bench.output.elements.filter(({ rec }) => rec === undefined)).toEqual([]);
    bench.operator.markBackPressured(false);
    pass(bench);
    expect(statuses(bench)).toEqual(["IDLE"]);
  });

  it.each([true, false])("is not idle while it waits, per split %s [SS-04]", (perSplit) => {
    const config = { ...IDLE_AWARE, perSplit };
    const bench = setUp(config, { id: 0, records: [1, 1, 1, 1, 5, 105] });
    bench.align(4);
    for (let i = 0; i < 10; i++) {
      bench.emitNext();
      bench.clock.advance(100);
    }
    expect(statuses(bench)).toEqual([]);
    // A split that the reader does not emit through has nothing and is idle on its own.
    expect(idle(bench)).toEqual(perSplit ? [] : ["0"]);
  });

  it("does not count a paused split as idle while another reads [SS-05]", () => {
    const bench = setUp(
      WAITING,
      { id: 0, records: [5, 105] },
      { id: 1, records: [3, 3, 3, 3, 3, 3, 3, 105] },
    );
    emit(bench);
    bench.align(4);
    expect(paused(bench)).toEqual(["0"]);
    for (let i = 0; i < 20 && bench.operator.isAvailable().isDone; i++) {
      bench.clock.advance(99);
      bench.emitNext();
    }
    expect(paused(bench)).toEqual(["0", "1"]);
    const watermarks = bench.output.elements.flatMap(({ wm }) => (wm === undefined ? [] : [wm]));
    expect(Math.max(...watermarks)).toBeLessThanOrEqual(5);
  });

  it("forgets a finished split [SS-06]", () => {
    const bench = setUp(
      WAITING,
      { id: 0, end: 1, records: [5] },
      { id: 1, start: 10, end: 20, records: [3] },
    );
    emit(bench, 3);
    bench.align(4);
    expect(paused(bench)).toEqual([]);
    expect([...bench.operator.splitWatermarks.keys()]).toEqual(["1"]);
  });

  it("no longer lists a paused split once it has finished", () => {
    const bench = setUp(
      ALIGNED,
      { id: 0, end: 1, records: [5] },
      { id: 1, start: 10, end: 20, records: [3, 4] },
    );
    emit(bench);
    bench.align(4);
    expect(paused(bench)).toEqual(["0"]);
    emit(bench);
    expect(paused(bench)).toEqual([]);
    emit(bench);
    bench.align(100);
    expect(paused(bench)).toEqual([]);
  });
});

describe("idle and paused splits", () => {
  it("keeps a paused split from becoming idle, and an idle one from being paused [SS-08]", () => {
    const bench = setUp(WAITING, { id: 0, records: [5, 6] }, { id: 1, records: [] });
    const second = bench.reader.assigned[1];
    emit(bench);
    bench.align(4);
    second?.records.push(3);
    emit(bench);
    expect([paused(bench), idle(bench)]).toEqual([["0"], []]);
    bench.clock.advance(99);
    bench.emitNext();
    pass(bench);
    expect([paused(bench), idle(bench)]).toEqual([["0"], ["1"]]);
    bench.align(7);
    expect([paused(bench), idle(bench)]).toEqual([[], ["1"]]);
    second?.records.push(8);
    emit(bench, 2);
    expect([paused(bench), idle(bench)]).toEqual([["1"], []]);
    bench.align(10);
    expect([paused(bench), idle(bench)]).toEqual([[], []]);
  });

  it("goes between active, paused and idle with a single split [SS-09]", () => {
    const bench = setUp(WAITING, { id: 0, records: [5, 6, 7] });
    const state = () => [paused(bench), idle(bench)];
    emit(bench);
    expect(state()).toEqual([[], []]);
    bench.align(4);
    expect(state()).toEqual([["0"], []]);
    pass(bench);
    expect(state()).toEqual([["0"], []]);
    bench.align(5);
    expect(state()).toEqual([[], []]);
    pass(bench);
    expect(state()).toEqual([[], ["0"]]);
    emit(bench);
    expect(state()).toEqual([["0"], []]);
    bench.align(7);
    expect(state()).toEqual([[], []]);
    pass(bench);
    expect(state()).toEqual([[], ["0"]]);
    emit(bench);
    expect(state()).toEqual([[], []]);
  });

  it("leaves an idle split alone when the limit falls behind it [SS-10]", () => {
    const bench = setUp(WAITING, { id: 0, records: [5, 6, 7, 8] });
    const metric = (name: string) => bench.metrics.snapshot()[`split.0.${name}`];
    emit(bench, 3);
    pass(bench);
    expect([paused(bench), idle(bench)]).toEqual([[], ["0"]]);
    for (const limit of [4, 7]) {
      bench.align(limit);
      expect([paused(bench), idle(bench)]).toEqual([[], ["0"]]);
    }
    expect(metric("accumulatedPausedTimeMs")).toBe(0);
    expect(metric("accumulatedIdleTimeMs")).toBeGreaterThan(0);
    emit(bench);
    expect([paused(bench), idle(bench)]).toEqual([["0"], []]);
    bench.clock.advance(10);
    expect(metric("accumulatedPausedTimeMs")).toBe(10);
  });
});

describe("readers that cannot pause", () => {
  const cannotPause = { ...ALIGNED, pauseSupported: false };
  const splits = [
    { id: 0, records: [5, 11] },
    { id: 1, records: [3, 12] },
  ];

  it("are an error, with the way out of it", () => {
    const bench = setUp(cannotPause, ...splits);
    emit(bench);
    expect(() => bench.align(4)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED_OPERATION" }) as Error,
    );
    expect(paused(bench)).toEqual([]);
  });

  it("are an error of that code also while they emit", () => {
    const bench = setUp(cannotPause, ...splits);
    bench.align(4);
    expect(() => bench.emitNext()).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED_OPERATION" }) as Error,
    );
  });

  it("say so by not having the method", () => {
    const bench = setUp(ALIGNED, ...splits);
    Object.assign(bench.reader, { pauseOrResumeSplits: undefined });
    emit(bench);
    expect(() => bench.align(4)).toThrow(/cannot pause or resume split 0/);
    expect(() => bench.align(4)).toThrow(
      expect.objectContaining({
        hint: expect.stringContaining("allowUnalignedSourceSplits"),
      }) as Error,
    );
  });

  it("read on when splits need not be aligned, listed as paused", () => {
    const bench = setUp({ ...cannotPause, allowUnaligned: true }, ...splits);
    emit(bench);
    bench.align(4);
    expect(paused(bench)).toEqual(["0"]);
    expect(bench.metrics.snapshot()["split.0.pausedTimeMsPerSecond"]).toBe(0);
    expect(bench.emitNext()).toBe("MORE_AVAILABLE");
    expect(bench.output.elements).toContainEqual({ rec: 11, ts: 11 });
  });
});
