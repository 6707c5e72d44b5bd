import { describe, expect, it } from "vitest";
import {
  IdlenessTimer,
  PausableRelativeClock,
  WatermarksWithIdleness,
} from "../../src/eventtime/index.js";
import { noWatermarks } from "../../src/eventtime/watermark-strategy.js";
import { VirtualClock } from "../../src/mailbox/index.js";

function setUp(timeout: number) {
  const clock = new VirtualClock(1000);
  return { clock, timer: new IdlenessTimer(clock, timeout) };
}

describe("IdlenessTimer", () => {
  it.each([0, -1, Number.NaN])("refuses a timeout of %d [WI-01]", (timeout) => {
    expect(() => setUp(timeout)).toThrow(/a duration > 0/);
    expect(() => noWatermarks().withIdleness(timeout)).toThrow(/withIdleness.timeout/);
  });

  it("is not idle at the first check [WI-02]", () => {
    expect(setUp(10).timer.checkIfIdle()).toBe(false);
  });

  it("is idle after more than the timeout, not at it [WI-03]", () => {
    const { clock, timer } = setUp(10);
    timer.checkIfIdle();
    clock.advance(10);
    expect(timer.checkIfIdle()).toBe(false);
    clock.advance(1);
    expect(timer.checkIfIdle()).toBe(true);
  });

  it("stays idle [WI-04] until there is activity [WI-05]", () => {
    const { clock, timer } = setUp(10);
    timer.checkIfIdle();
    clock.advance(11);
    expect([timer.checkIfIdle(), timer.checkIfIdle()]).toEqual([true, true]);
    timer.activity();
    expect(timer.checkIfIdle()).toBe(false);
  });

  it("starts anew with the second check after activity [WI-06]", () => {
    const { clock, timer } = setUp(122);
    timer.checkIfIdle();
    clock.advance(123);
    expect(timer.checkIfIdle()).toBe(true);
    timer.activity();
    expect(timer.checkIfIdle()).toBe(false);
    clock.advance(500);
    expect(timer.checkIfIdle()).toBe(false);
    clock.advance(123);
    expect(timer.checkIfIdle()).toBe(true);
  });
});

describe("WatermarksWithIdleness", () => {
  it("marks its output idle once, and holds the generator back while it is", () => {
    const clock = new VirtualClock(1000);
    const seen: string[] = [];
    const output = {
      emitWatermark: (watermark: number) => seen.push(`watermark ${watermark}`),
      markIdle: () => seen.push("idle"),
      markActive: () => seen.push("active"),
    };
    const inner = { onEvent() {}, onPeriodicEmit: () => output.emitWatermark(1) };
    const generator = new WatermarksWithIdleness<string>(inner, 10, clock);
    generator.onPeriodicEmit(output);
    clock.advance(11);
    generator.onPeriodicEmit(output);
    generator.onPeriodicEmit(output);
    generator.onEvent("record", 5, output);
    generator.onPeriodicEmit(output);
    expect(seen).toEqual(["watermark 1", "idle", "watermark 1"]);
  });
});

describe("PausableRelativeClock", () => {
  it("stands still while it is paused, and pauses nest", () => {
    const base = new VirtualClock(100);
    const clock = new PausableRelativeClock(base);
    base.advance(10);
    expect(clock.relativeTime()).toBe(110);
    clock.pause();
    base.advance(5);
    clock.pause();
    base.advance(5);
    expect(clock.relativeTime()).toBe(110);
    clock.unPause();
    base.advance(5);
    expect(clock.relativeTime()).toBe(110);
    clock.unPause();
    base.advance(7);
    expect(clock.relativeTime()).toBe(117);
  });

  it("refuses to go on when it is not paused", () => {
    expect(() => new PausableRelativeClock(new VirtualClock()).unPause()).toThrow(/not paused/);
  });
});
