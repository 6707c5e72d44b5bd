import { describe, expect, it } from "vitest";
import {
  aimdScaling,
  congestionControl,
  type RateLimitingStrategy,
} from "../../../src/sink/async/index.js";
import { AsyncSinkLab, numbers } from "./async-sink-lab.js";

describe("AIMD scaling", () => {
  it("adds a step up to the threshold", () => {
    const scaling = aimdScaling({ rateThreshold: 25 });
    expect([1, 10, 15, 16, 25].map((rate) => scaling.scaleUp(rate))).toEqual([11, 20, 25, 25, 25]);
  });

  it("multiplies by the factor, rounds half up, and stays at 1 or more", () => {
    const scaling = aimdScaling({ rateThreshold: 100 });
    expect([100, 7, 5, 3, 2, 1].map((rate) => scaling.scaleDown(rate))).toEqual([
      50, 4, 3, 2, 1, 1,
    ]);
    const steep = aimdScaling({ rateThreshold: 100, decreaseFactor: 0.1, increaseRate: 3 });
    expect([steep.scaleDown(100), steep.scaleDown(4), steep.scaleUp(4)]).toEqual([10, 1, 7]);
  });

  it.each([
    [{ rateThreshold: 0 }, "aimdScaling.rateThreshold: expected a whole number ≥ 1, got 0"],
    [{ rateThreshold: 1, increaseRate: 0 }, "aimdScaling.increaseRate"],
    [{ rateThreshold: 1, decreaseFactor: 1 }, "aimdScaling.decreaseFactor"],
    [{ rateThreshold: 1, decreaseFactor: 0 }, "a number between 0 and 1, got 0"],
  ])("refuses %j", (options, message) => {
    expect(() => aimdScaling(options)).toThrow(message);
  });
});

describe("congestion control", () => {
  const strategy = (): RateLimitingStrategy =>
    congestionControl({
      maxInFlightRequests: 2,
      initialMaxInFlightMessages: 10,
      scaling: aimdScaling({ rateThreshold: 40 }),
    });

  it("blocks at the number of batches, and beyond the number of requests", () => {
    const limiting = strategy();
    expect([limiting.shouldBlock(10), limiting.shouldBlock(11)]).toEqual([false, true]);
    limiting.registerInFlightRequest(4);
    expect([limiting.shouldBlock(6), limiting.shouldBlock(7)]).toEqual([false, true]);
    limiting.registerInFlightRequest(1);
    expect(limiting.shouldBlock(1)).toBe(true);
    limiting.registerCompletedRequest(4, 0);
    expect(limiting.shouldBlock(1)).toBe(false);
  });

  it("grows with each batch that went through in full and shrinks with each other one", () => {
    const limiting = strategy();
    const seen: number[] = [];
    for (const failed of [0, 0, 1, 5, 0, 0, 0, 0, 5]) {
      limiting.registerInFlightRequest(5);
      limiting.registerCompletedRequest(5, failed);
      seen.push(limiting.maxBatchSize);
    }
    expect(seen).toEqual([20, 30, 15, 8, 18, 28, 38, 40, 20]);
  });
});

describe("a sink's rate limiting", () => {
  it("begins with one batch in flight, and goes on as its batches fare", async () => {
    const lab = await AsyncSinkLab.batching({
      maxBatchSize: 10,
      maxInFlightRequests: 3,
      maxBufferedRequests: 1000,
      retry: { strategy: { name: "at once", delayOf: () => 0 } },
    });
    lab.write(...numbers(100));
    expect(lab.sent).toHaveLength(1);
    lab.call(0).accept();
    await lab.settle();
    // 20 may be in flight.
    expect(lab.batches.map((batch) => batch.length)).toEqual([10, 10, 10]);
    lab.call(1).retry(15);
    await lab.settle();
    // Halved to 10, and 10 are in flight.
    expect(lab.sent).toHaveLength(3);
    lab.call(2).retry(20, 21);
    await lab.settle();
    // Halved to 5: the failed ones first, the last that failed at the very front.
    expect(lab.batches.slice(3)).toEqual([[20, 21, 15, 30, 31]]);
  });

  it("uses a strategy of one's own, one for each writer, and asks it again when it goes by time", async () => {
    let created = 0;
    let registered = "";
    const lab = await AsyncSinkLab.batching({
      maxBatchSize: 5,
      rateLimiting: () => {
        created++;
        return {
          maxBatchSize: 2,
          shouldBlock: (size) => {
            registered += `?${size}`;
            return lab.clock.now() < 35;
          },
          registerInFlightRequest: (size) => {
            registered += `+${size}`;
          },
          registerCompletedRequest: (size, failed) => {
            registered += `-${size}/${failed}`;
          },
        };
      },
    });
    lab.write(1, 2);
    await lab.advance(39);
    expect([created, lab.sent.length, registered]).toEqual([1, 0, "?2?2?2?2"]);
    await lab.advance(1);
    lab.call(0).accept();
    await lab.settle();
    expect(registered).toBe("?2?2?2?2?2+2-2/0");
  });

  it("fails when a strategy gives no batch size", async () => {
    const lab = await AsyncSinkLab.batching({
      rateLimiting: () => ({
        maxBatchSize: Number.NaN,
        shouldBlock: () => false,
        registerInFlightRequest() {},
        registerCompletedRequest() {},
      }),
    });
    expect(() => lab.write(1)).toThrow("sink service in subtask 0 of job lab failed");
  });
});
