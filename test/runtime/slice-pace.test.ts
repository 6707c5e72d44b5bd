import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/mailbox/index.js";
import { SlicePace } from "../../src/runtime/slice-pace.js";

/** Emits records that take so many milliseconds each, as the operator does; says what a slice came to. */
function setUp() {
  const timers = new VirtualClock(0);
  let looks = 0;
  const pace = new SlicePace({
    now: () => timers.now(),
    schedule: (delay, callback) => timers.schedule(delay, callback),
    relativeTime: () => {
      looks++;
      return timers.relativeTime();
    },
  });
  let records = 0;
  const slice = (millisecondsOf: () => number) => {
    const started = timers.relativeTime();
    const before = { records, looks };
    pace.startSlice(records);
    for (let polls = 0; polls < 1e6; polls++) {
      const budget = polls === 0 ? 1 : pace.recordsOfNextPoll(records);
      if (budget === 0) break;
      for (let i = 0; i < budget; i++) {
        timers.advance(millisecondsOf());
        records++;
      }
    }
    return {
      took: timers.relativeTime() - started,
      records: records - before.records,
      looks: looks - before.looks,
    };
  };
  return { pace, slice, records: () => records };
}

describe("the pace of a slice", () => {
  it("looks at the clock once in a thousand records when they are fast", () => {
    const { slice } = setUp();
    slice(() => 1e-4);
    const { took, records, looks } = slice(() => 1e-4);
    expect(took).toBeCloseTo(5, 0);
    expect(records / looks).toBeGreaterThan(900);
  });

  it("ends in time when records are slow, after the first records have shown it", () => {
    const { slice } = setUp();
    expect(slice(() => 1).took).toBeLessThanOrEqual(130);
    for (let i = 0; i < 5; i++) expect(slice(() => 1).took).toBeLessThanOrEqual(6);
    expect(slice(() => 40).records).toBe(1);
  });

  it("takes half a millisecond of records for a sign to look half as often, and comes back", () => {
    const { slice } = setUp();
    for (let i = 0; i < 10; i++) slice(() => 0.5);
    const slow = slice(() => 0.5);
    expect(slow.took).toBeLessThanOrEqual(6);
    for (let i = 0; i < 3; i++) slice(() => 1e-4);
    expect(slice(() => 1e-4).records).toBeGreaterThan(40_000);
  });

  it("looks after as many polls when they give nothing", () => {
    const timers = new VirtualClock(0);
    const pace = new SlicePace(timers);
    pace.startSlice(0);
    let polls = 0;
    for (; pace.recordsOfNextPoll(0) > 0; polls++) timers.advance(0.001);
    expect(timers.relativeTime()).toBeGreaterThanOrEqual(5);
    expect(polls).toBeLessThan(8000);
  });

  it("looks before the next poll when something slow has happened", () => {
    const timers = new VirtualClock(0);
    const pace = new SlicePace(timers);
    pace.startSlice(0);
    timers.advance(10);
    expect(pace.recordsOfNextPoll(1)).toBeGreaterThan(0);
    pace.lookSoon();
    expect(pace.recordsOfNextPoll(2)).toBe(0);
  });
});
