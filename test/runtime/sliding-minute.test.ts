import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SlidingMinute } from "../../src/runtime/sliding-minute.js";

describe("SlidingMinute", () => {
  it("never forgets what is younger than a minute, nor keeps what is a tenth of a second older", () => {
    const step = fc.oneof(
      fc.constant(0),
      fc.double({ min: 0, max: 300, noNaN: true }),
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ min: 59_800, max: 60_200 }),
      fc.integer({ min: 0, max: 10_000_000 }),
    );
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.array(step, { minLength: 1, maxLength: 200 }),
        (start, steps) => {
          const minute = new SlidingMinute();
          const times: number[] = [];
          let now = start;
          for (const one of steps) {
            now += one;
            times.push(now);
            const counted = minute.add(now);
            const within = (ms: number) => times.filter((time) => now - time <= ms).length;
            expect(counted).toBeGreaterThanOrEqual(within(60_000));
            expect(counted).toBeLessThanOrEqual(within(60_100));
          }
        },
      ),
    );
  });

  it("counts a million within one tenth of a second", () => {
    const minute = new SlidingMinute();
    for (let i = 0; i < 999_999; i++) minute.add(5);
    expect(minute.add(99)).toBe(1_000_000);
    expect(minute.add(60_200)).toBe(1);
  });
});
