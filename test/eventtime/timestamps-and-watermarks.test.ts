import { describe, expect, it } from "vitest";
import type { ReaderOutput } from "../../src/api/source-reader.js";
import type { WatermarkStrategy } from "../../src/api/watermark.js";
import { HeadwaterError } from "../../src/errors/index.js";
import {
  BackPressuredClocks,
  NoOpTimestampsAndWatermarks,
  noWatermarks,
  ProgressiveTimestampsAndWatermarks,
  punctuatedWatermarks,
  watermarkGenerator,
} from "../../src/eventtime/index.js";
import { RecordingOutput } from "../conformance/fixtures/operator-bench.js";
import { OperatorTestClock } from "../conformance/fixtures/operator-clock.js";

const perEvent = punctuatedWatermarks<number>((_record, timestamp) => timestamp);

/** The highest timestamp, at each interval. */
const periodic = watermarkGenerator<number>(() => {
  let maximum = Number.NEGATIVE_INFINITY;
  return {
    onEvent(_record, timestamp) {
      maximum = Math.max(maximum, timestamp);
    },
    onPeriodicEmit: (output) => output.emitWatermark(maximum),
  };
});

function setUp(strategy: WatermarkStrategy<number>, progressive = true) {
  const clock = new OperatorTestClock();
  const output = new RecordingOutput();
  const finished: string[] = [];
  const logic = progressive
    ? new ProgressiveTimestampsAndWatermarks({
        strategy,
        processingTime: clock,
        autoWatermarkInterval: 100,
        mainInputActivityClock: clock,
        backPressure: new BackPressuredClocks(),
      })
    : new NoOpTimestampsAndWatermarks(strategy, clock);
  const reader: ReaderOutput<number> = logic.createMainOutput(output, {
    updateIdle() {},
    updateCurrentEffectiveWatermark() {},
    splitListener: () => ({ onWatermarkUpdate() {}, onIdleUpdate() {} }),
    splitFinished: (splitId) => finished.push(splitId),
  });
  logic.startPeriodicWatermarkEmits();
  const watermarks = () => output.elements.flatMap(({ wm }) => (wm === undefined ? [] : [wm]));
  return { clock, output, reader, logic, finished, watermarks };
}

describe.each([
  ["progressive", true],
  ["non-progressive", false],
] as const)("%s event time", (_name, progressive) => {
  it("emits periodic watermarks of the main output, if at all [SE-01]", () => {
    const { clock, reader, watermarks } = setUp(periodic, progressive);
    for (const timestamp of [100, 120, 110]) {
      reader.collect(0, timestamp);
      clock.advance(100);
    }
    expect(watermarks()).toEqual(progressive ? [100, 120] : []);
  });

  it("emits the main output's watermarks of single records, if at all [SE-02]", () => {
    const { reader, watermarks } = setUp(perEvent, progressive);
    for (const timestamp of [100, 120, 110]) reader.collect(0, timestamp);
    expect(watermarks()).toEqual(progressive ? [100, 120] : []);
  });

  it("goes on when the split that held it back is released [SE-03]", () => {
    const { clock, reader, watermarks, finished } = setUp(periodic, progressive);
    const a = reader.createOutputForSplit("A");
    const b = reader.createOutputForSplit("B");
    const collect = (output: typeof a, timestamp: number) => {
      output.collect(0, timestamp);
      clock.advance(100);
    };
    collect(a, 100);
    collect(b, 200);
    collect(a, 150);
    reader.releaseOutputForSplit("A");
    collect(b, 200);
    expect(watermarks()).toEqual(progressive ? [100, 150, 200] : []);
    expect(finished).toEqual(["A"]);
  });
});

it("joins the idleness of the main output and of all splits [SE-05]", () => {
  const { reader, output } = setUp(perEvent);
  const one = reader.createOutputForSplit("1");
  const two = reader.createOutputForSplit("2");
  const idle = (...outputs: readonly { markIdle(): void }[]) => {
    for (const each of outputs) each.markIdle();
  };
  one.markIdle();
  two.markIdle();
  const before = output.elements.splice(0);
  reader.collect(0, 100);
  idle(reader);
  one.collect(0, 150);
  two.collect(0, 200);
  idle(one, two);
  reader.collect(0, 250);
  idle(one, two, reader);
  one.collect(0, 300);
  const told = output.elements.map(({ ts, wm, status }) => status ?? (wm ? `WM${wm}` : `r${ts}`));
  expect(before).toEqual([{ status: "IDLE" }]);
  expect(told.join(" ")).toBe(
    "r100 ACTIVE WM100 IDLE r150 ACTIVE WM150 r200 WM200 IDLE r250 ACTIVE WM250 IDLE r300 ACTIVE WM300",
  );
});

it("gives the same output for the same split until it is released", () => {
  const { reader } = setUp(perEvent);
  const output = reader.createOutputForSplit("1");
  expect(reader.createOutputForSplit("1")).toBe(output);
  reader.releaseOutputForSplit("1");
  expect(reader.createOutputForSplit("1")).not.toBe(output);
});

it("refuses to release the output of a split that has none", () => {
  const { reader } = setUp(perEvent);
  reader.createOutputForSplit("1");
  reader.releaseOutputForSplit("1");
  expect(() => reader.releaseOutputForSplit("1")).toThrow("split 1 has no output to release");
});

it("stops periodic watermarks, and starts none at an interval of 0", () => {
  const { clock, reader, logic, watermarks } = setUp(periodic);
  reader.collect(0, 5);
  logic.stopPeriodicWatermarkEmits();
  clock.advance(1000);
  expect(watermarks()).toEqual([]);
  expect(clock.pending).toBe(0);
  logic.emitImmediateWatermark();
  expect(watermarks()).toEqual([5]);
});

it("emits a record without timestamp as -Infinity, and lets a source emit its own watermarks", () => {
  const { reader, output } = setUp(noWatermarks());
  reader.collect(1);
  reader.collect(2, 7);
  reader.emitWatermark(6);
  reader.emitWatermark(6);
  expect(output.elements).toEqual([{ rec: 1, ts: "MIN" }, { rec: 2, ts: 7 }, { wm: 6 }]);
});

it.each([true, false])("refuses a timestamp that is no number, with a hint (%s)", (progressive) => {
  const strategy = noWatermarks<number>().withTimestampAssigner(() => new Date("never").getTime());
  const { reader, output } = setUp(strategy, progressive);
  const collect = () => reader.collect(1, 2);
  expect(collect).toThrow(HeadwaterError);
  expect(collect).toThrow(/timestamp assigner gave NaN/);
  expect(output.elements).toEqual([]);
});
