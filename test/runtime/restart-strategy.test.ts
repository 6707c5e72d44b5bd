import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, SeededRandom } from "../../src/mailbox/index.js";
import {
  exponentialDelayRestart,
  failureRateRestart,
  fixedDelayRestart,
  noRestart,
  type RestartStrategy,
} from "../../src/runtime/restart-strategy.js";

const MIDDLE: Random = { next: () => 0.5 };
const LOWEST: Random = { next: () => 0 };
const HIGHEST: Random = { next: () => 1 - Number.EPSILON };

/** The delays after failures at the given times; undefined where the job gives up. */
function delays(strategy: RestartStrategy, times: readonly number[], random = MIDDLE) {
  const tracker = strategy.create();
  return times.map((time) => {
    const { canRestart, delay } = tracker.notifyFailure(time, random);
    return canRestart ? delay : undefined;
  });
}

describe("noRestart", () => {
  it("gives up at the first failure", () => {
    expect(delays(noRestart(), [0])).toEqual([undefined]);
  });
});

describe("fixedDelayRestart", () => {
  it("restarts as often as it may, after the same delay each time", () => {
    const strategy = fixedDelayRestart({ attempts: 2, delay: "3s" });
    expect(delays(strategy, [0, 1, 2, 3])).toEqual([3000, 3000, undefined, undefined]);
  });

  it("restarts once after a second by default", () => {
    expect(delays(fixedDelayRestart(), [0, 1])).toEqual([1000, undefined]);
  });

  it("gives every job its own count", () => {
    const strategy = fixedDelayRestart({ attempts: 1, delay: 0 });
    expect(delays(strategy, [0])).toEqual([0]);
    expect(delays(strategy, [0])).toEqual([0]);
  });
});

describe("failureRateRestart", () => {
  const strategy = failureRateRestart({
    maxFailuresPerInterval: 2,
    failureRateInterval: "10s",
    delay: 5,
  });

  it("gives up when more failures than allowed lie within the interval", () => {
    expect(delays(strategy, [0, 4000, 10_000])).toEqual([5, 5, undefined]);
  });

  it("restarts for ever when failures are far enough apart", () => {
    expect(delays(strategy, [0, 4000, 10_001, 14_001, 20_002])).toEqual([5, 5, 5, 5, 5]);
  });
});

describe("exponentialDelayRestart", () => {
  const exact = { initialBackoff: 100, maxBackoff: 1000, backoffMultiplier: 2, jitterFactor: 0 };

  it("multiplies the delay with each failure up to the longest", () => {
    const strategy = exponentialDelayRestart(exact);
    expect(delays(strategy, [0, 1000, 2000, 3000, 5000, 7000])).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
  });

  it("joins failures that come before the restart is due", () => {
    const strategy = exponentialDelayRestart(exact);
    expect(delays(strategy, [0, 40, 100, 101])).toEqual([100, 60, 0, 200]);
  });

  it("starts all over after running long enough", () => {
    const strategy = exponentialDelayRestart({ ...exact, resetBackoffThreshold: 5000 });
    expect(delays(strategy, [0, 101, 301 + 4999, 5700 + 5000])).toEqual([100, 200, 400, 100]);
  });

  it("gives up after its attempts, unless it ran long enough in between", () => {
    const options = { ...exact, attemptsBeforeResetBackoff: 2, resetBackoffThreshold: 5000 };
    const strategy = exponentialDelayRestart(options);
    expect(delays(strategy, [0, 101, 302])).toEqual([100, 200, undefined]);
    expect(delays(strategy, [0, 101, 5301, 5402])).toEqual([100, 200, 100, 200]);
  });

  it("spreads delays by the jitter, within the first and the longest", () => {
    const strategy = exponentialDelayRestart({ ...exact, jitterFactor: 0.25 });
    const times = [0, 1000, 2000, 4000, 8000];
    expect(delays(strategy, times, LOWEST)).toEqual([100, 150, 300, 600, 1000]);
    expect(delays(strategy, times, HIGHEST)).toEqual([125, 250, 500, 1000, 1000]);
  });

  it("stays within its bounds for ever, whatever the seed", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 400 }), (seed, failures) => {
        const tracker = exponentialDelayRestart().create();
        const random = new SeededRandom(seed);
        let now = 0;
        for (let i = 0; i < failures; i++) {
          const { canRestart, delay } = tracker.notifyFailure(now, random);
          expect(canRestart).toBe(true);
          expect(delay).toBeGreaterThanOrEqual(1000);
          expect(delay).toBeLessThanOrEqual(60_000);
          now += delay + 1;
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("restart options", () => {
  it.each([
    [() => fixedDelayRestart({ attempts: -1 }), "fixedDelayRestart.attempts"],
    [() => fixedDelayRestart({ delay: "soon" }), "fixedDelayRestart.delay"],
    [() => fixedDelayRestart({ tries: 1 } as never), "fixedDelayRestart.tries"],
    [() => failureRateRestart({ maxFailuresPerInterval: 0 }), "maxFailuresPerInterval"],
    [() => failureRateRestart({ failureRateInterval: 0 }), "failureRateInterval"],
    [() => exponentialDelayRestart({ initialBackoff: 0 }), "initialBackoff"],
    [() => exponentialDelayRestart({ initialBackoff: "2min" }), "at most maxBackoff (60000)"],
    [() => exponentialDelayRestart({ backoffMultiplier: 1 }), "a number > 1"],
    [() => exponentialDelayRestart({ jitterFactor: 1.1 }), "a number from 0 to 1"],
    [() => exponentialDelayRestart({ attemptsBeforeResetBackoff: 0 }), "attemptsBeforeReset"],
    [() => exponentialDelayRestart({ resetBackoffThreshold: 0 }), "resetBackoffThreshold"],
  ])("are refused by name (%#)", (create, expected) => {
    expect(create).toThrow(expected);
  });
});
