import { describe, expect, it } from "vitest";
import { OperatorBench } from "../conformance/fixtures/operator-bench.js";
import { parseSplit } from "../conformance/fixtures/operator-split.js";

const MAX = Number.POSITIVE_INFINITY;
const MOCK_SPLIT = parseSplit({ id: 1234, start: 10 });

function setUp(config = {}, records: readonly number[] = [1000, 2000, 3000]): OperatorBench {
  const alignment = { group: "group1", driftMs: 100, intervalMs: 1 };
  const bench = new OperatorBench({ gen: "punctuated", alignment, ...config });
  bench.operator.open([structuredClone(MOCK_SPLIT)]);
  if (records.length > 0) bench.addSplits(parseSplit({ id: 2, records }));
  return bench;
}

function reports(bench: OperatorBench): number[] {
  return bench.sent.flatMap((event) =>
    event.type === "ReportedWatermark" ? [event.watermark] : [],
  );
}

function emitted(bench: OperatorBench): number[] {
  return bench.output.elements.flatMap(({ rec }) => (rec === undefined ? [] : [rec]));
}

describe("alignment of a whole source", () => {
  it("reports its watermark at each interval [SA-01]", () => {
    const bench = setUp();
    expect(bench.emitNext()).toBe("MORE_AVAILABLE");
    bench.clock.advance(1);
    expect(reports(bench)).toEqual([1000]);
    expect(bench.operator.isAvailable().isDone).toBe(true);
  });

  it("waits while its watermark is past the limit [SA-02]", () => {
    const bench = setUp();
    bench.emitNext();
    bench.align(999);
    expect(bench.operator.isAvailable().isDone).toBe(false);
    expect(bench.emitNext()).toBe("NOTHING_AVAILABLE");
    bench.clock.advance(1);
    expect(reports(bench)).toEqual([1000]);
    expect(emitted(bench)).toEqual([1000]);
  });

  it("reads on when the limit rises, until it is past it again [SA-03]", () => {
    const bench = setUp();
    bench.emitNext();
    bench.align(999);
    const waiting = bench.operator.isAvailable();
    let modeSeen = "";
    waiting.onDone(() => {
      modeSeen = bench.operator.mode;
    });
    bench.align(1001);
    expect([waiting.isDone, modeSeen]).toEqual([true, "READING"]);
    expect(bench.emitNext()).toBe("MORE_AVAILABLE");
    expect(emitted(bench)).toEqual([1000, 2000]);
    expect(bench.operator.mode).toBe("WAITING_FOR_ALIGNMENT");
    expect(bench.emitNext()).toBe("NOTHING_AVAILABLE");
    bench.clock.advance(1);
    expect(reports(bench).at(-1)).toBe(2000);
    expect(bench.operator.isAvailable().isDone).toBe(false);
  });

  it("reports MAX while idle [SA-04]", () => {
    const bench = setUp({ idleReader: true, gen: "odd" }, [1]);
    bench.emitNext();
    bench.clock.advance(1);
    bench.align(101);
    expect(bench.operator.isAvailable().isDone).toBe(true);
    expect(bench.emitNext()).toBe("NOTHING_AVAILABLE");
    expect(bench.operator.idle).toBe(true);
    bench.clock.advance(1);
    expect(reports(bench)).toEqual([1, MAX]);
  });

  it.each([MAX, 151])("reports its last watermark after idleness, limit %d [SA-05]", (limit) => {
    const bench = setUp({ idleReader: true, gen: "odd" }, [1]);
    bench.emitNext();
    bench.emitNext();
    bench.clock.advance(1);
    bench.align(limit);
    bench.addSplits(parseSplit({ id: 3, records: [2] }));
    expect(bench.emitNext()).toBe("MORE_AVAILABLE");
    bench.clock.advance(1);
    expect(reports(bench)).toEqual([MAX, 1]);
    bench.align(101);
    expect(bench.operator.isAvailable().isDone).toBe(true);
  });

  it("reports nothing before there is a watermark [SA-06]", () => {
    const bench = setUp({}, []);
    bench.emitNext();
    bench.clock.advance(1);
    bench.clock.advance(1);
    expect(reports(bench)).toEqual([]);
    bench.addSplits(parseSplit({ id: 2, records: [10] }));
    bench.emitNext();
    bench.clock.advance(1);
    expect(reports(bench)).toEqual([10]);
  });

  it("ends its wait when it is stopped [SA-07]", () => {
    const bench = setUp();
    bench.emitNext();
    bench.align(999);
    const waiting = bench.operator.isAvailable();
    bench.operator.stop("NO_DRAIN");
    expect(waiting.isDone).toBe(true);
    expect(bench.operator.isAvailable().isDone).toBe(true);
    expect(bench.emitNext()).toBe("STOPPED");
  });

  it("never reports less than before [SA-08]", () => {
    const bench = setUp({}, [2000]);
    bench.emitNext();
    bench.clock.advance(1);
    bench.addSplits(parseSplit({ id: 3, records: [1000] }));
    bench.emitNext();
    bench.clock.advance(1);
    expect(reports(bench)).toEqual([2000, 2000]);
  });

  it("reports MAX when its input has ended [SA-09]", () => {
    const bench = new OperatorBench({ gen: "punctuated", alignment: {} });
    bench.operator.open([]);
    bench.addSplits(parseSplit({ id: 1, end: 1, records: [1] }));
    expect(bench.emitNext()).toBe("MORE_AVAILABLE");
    bench.operator.handleOperatorEvent({ type: "NoMoreSplits" });
    expect(bench.emitNext()).toBe("END_OF_DATA");
    expect(bench.emitNext()).toBe("END_OF_INPUT");
    expect(reports(bench)).toEqual([MAX]);
    expect(bench.operator.latestWatermark).toBe(MAX);
  });

  it("stops a batch of records at the limit", () => {
    const bench = setUp({ batch: true });
    bench.align(1500);
    bench.emitNext();
    expect(bench.emitNext()).toBe("MORE_AVAILABLE");
    expect(emitted(bench)).toEqual([1000, 2000]);
    expect(bench.emitNext()).toBe("NOTHING_AVAILABLE");
  });
});
