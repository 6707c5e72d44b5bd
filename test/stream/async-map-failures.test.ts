import { describe, expect, it } from "vitest";
import { exponentialBackoffRetry, fixedDelayRetry } from "../../src/stream/index.js";
import { AsyncMapLab, describeError, records } from "./async-map-lab.js";

const twice = fixedDelayRetry({ attempts: 2, delay: "100ms" });
const boom = new Error("boom");

function fail(): never {
  throw boom;
}

describe("the timeout of asyncMap", () => {
  it("fails the job when a record gets no result in time, and not before", async () => {
    const lab = new AsyncMapLab({ timeout: "5s" });
    lab.push(records(1));
    await lab.advance(4999);
    expect(lab.error).toBeUndefined();
    await lab.advance(1);
    expect(describeError(lab.error)).toBe("a record got no result within 5000 ms");
  });

  it("is that of each record, with one timer for all of them", async () => {
    const lab = new AsyncMapLab({ timeout: 10, onTimeout: (n) => `late ${n}`, mode: "unordered" });
    for (const n of [1, 2, 3]) {
      lab.push(records(n));
      await lab.advance(3);
      expect(lab.clock.pendingTimers).toBe(1);
    }
    lab.answer(2);
    await lab.advance(1);
    expect(lab.seen).toEqual(["r2", "late 1"]);
    await lab.advance(5);
    expect(lab.seen).toEqual(["r2", "late 1"]);
    await lab.advance(1);
    expect(lab.seen).toEqual(["r2", "late 1", "late 3"]);
    expect(lab.clock.pendingTimers).toBe(0);
  });

  it("takes the first completion only, and aborts the signal", async () => {
    const lab = new AsyncMapLab({ timeout: 10, onTimeout: () => ["a", "b"] });
    lab.push(records(1));
    await lab.advance(10);
    expect(lab.call(1).signal.aborted).toBe(true);
    expect(lab.call(1).signal.reason).toMatchObject({ name: "TimeoutError" });
    lab.answer(1);
    lab.call(1).reject(boom);
    await lab.settle();
    expect([lab.seen, lab.error]).toEqual([["a", "b"], undefined]);
  });

  it("ignores an answer that is on its way to the loop when the time is over", async () => {
    const lab = new AsyncMapLab({ timeout: 10, onTimeout: () => "late" });
    lab.push(records(1));
    lab.answer(1);
    for (let i = 0; i < 5; i++) await Promise.resolve();
    expect(lab.pendingActions).toBe(1);
    lab.clock.advance(10);
    await lab.settle();
    expect(lab.seen).toEqual(["late"]);
  });

  it("comes also while a retry waits, which is not made then", async () => {
    const retry = { strategy: fixedDelayRetry({ attempts: 9, delay: 60 }) };
    const lab = new AsyncMapLab({ timeout: 100, onTimeout: () => "late", retry });
    lab.push(records(1));
    lab.call(1).reject(boom);
    await lab.advance(60);
    lab.call(1).reject(boom);
    await lab.advance(40);
    expect(lab.seen).toEqual(["late"]);
    await lab.advance(1000);
    expect([lab.calls.length, lab.clock.pendingTimers]).toEqual([2, 0]);
  });
});

describe("the retries of asyncMap", () => {
  it("come after the delay, with the number of the attempt", async () => {
    const lab = new AsyncMapLab({ retry: { strategy: twice } });
    lab.push(records(1));
    lab.call(1).reject(boom);
    await lab.advance(99);
    expect(lab.calls.length).toBe(1);
    await lab.advance(1);
    lab.call(1).reject(boom);
    await lab.advance(100);
    expect(lab.calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    lab.answer(1);
    await lab.settle();
    expect(lab.seen).toEqual(["r1"]);
  });

  it("are no more than the strategy allows", async () => {
    const lab = new AsyncMapLab({ retry: { strategy: twice } });
    lab.push(records(1));
    for (let i = 0; i < 3; i++) {
      expect(lab.error).toBeUndefined();
      lab.call(1).reject(boom);
      await lab.advance(100);
    }
    expect(describeError(lab.error)).toBe("fn failed at attempt 3 < boom");
  });

  it("come for results that are not wanted; when none is left they are taken", async () => {
    const onResult = (results: readonly string[]): boolean => results.length === 0;
    const lab = new AsyncMapLab({ retry: { strategy: twice, onResult } });
    lab.push(records(1, 2));
    lab.answer(2);
    for (let i = 0; i < 3; i++) {
      lab.call(1).resolve([]);
      await lab.advance(100);
    }
    expect(lab.calls.filter(({ record }) => record === 1).length).toBe(3);
    expect(lab.seen).toEqual(["r2"]);
  });

  it("come only for errors that the predicate wants", async () => {
    const lab = new AsyncMapLab({ retry: { strategy: twice, onError: () => false } });
    lab.push(records(1));
    lab.call(1).reject(boom);
    await lab.settle();
    expect(describeError(lab.error)).toBe("fn failed < boom");
  });

  it("grow their delays up to the longest", () => {
    const options = { attempts: 4, delay: "10ms", maxDelay: "50ms" };
    const delays = (multiplier?: number): unknown[] => {
      const { delayOf } = exponentialBackoffRetry({
        ...options,
        ...(multiplier !== undefined && { multiplier }),
      });
      return [1, 2, 3, 4, 5].map(delayOf);
    };
    expect(delays()).toEqual([10, 20, 40, 50, undefined]);
    expect(delays(1)).toEqual([10, 10, 10, 10, undefined]);
    expect(() => exponentialBackoffRetry({ ...options, multiplier: 0.5 })).toThrow("multiplier");
  });
});

describe("what fails in asyncMap", () => {
  it.each([
    ["retry.onError", { retry: { strategy: twice, onError: fail } }],
    ["retry.onResult", { retry: { strategy: twice, onResult: fail } }],
    ["retry.strategy", { retry: { strategy: { name: "own", delayOf: fail } } }],
    ["onTimeout", { timeout: 5, onTimeout: fail }],
  ])("fails the stream when %s throws", async (name, options) => {
    const lab = new AsyncMapLab(options);
    lab.push(records(1, 2));
    if (name === "retry.onResult") lab.answer(1);
    else if (name !== "onTimeout") lab.call(1).reject(new Error("first"));
    await lab.advance(5);
    expect(describeError(lab.error)).toBe(`${name} threw < boom`);
    expect(lab.call(2).signal.aborted).toBe(true);
    expect([lab.input.observed, lab.clock.pendingTimers]).toEqual([false, 0]);
  });

  it("takes a function that throws like one that rejects", async () => {
    const lab = new AsyncMapLab({ fn: fail });
    lab.push(records(1));
    await lab.settle();
    expect(describeError(lab.error)).toBe("fn failed < boom");
  });

  it("fails when a strategy gives no delay", async () => {
    const retry = { strategy: { name: "own", delayOf: () => Number.NaN } };
    const lab = new AsyncMapLab({ retry });
    lab.push(records(1));
    lab.call(1).reject(boom);
    await lab.settle();
    expect(describeError(lab.error)).toBe("retry.strategy own gave delay NaN");
  });

  it("aborts what is under way when it is closed, and then hears nothing more", async () => {
    const retry = { strategy: twice };
    const lab = new AsyncMapLab({ timeout: "1h", retry });
    lab.push(records(1, 2, 3));
    lab.call(3).reject(boom);
    await lab.settle();
    lab.subscription.unsubscribe();
    expect(lab.calls.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
    expect(lab.clock.pendingTimers).toBe(0);
    lab.answer(1);
    lab.call(2).reject(boom);
    for (let i = 0; i < 5; i++) await Promise.resolve();
    expect(lab.pendingActions).toBe(0);
    expect(lab.seen).toEqual([]);
  });

  it("aborts a signal that is asked for only afterwards", async () => {
    const signals: (() => AbortSignal)[] = [];
    const lab = new AsyncMapLab({
      fn: (_record, attempt) => {
        signals.push(() => attempt.signal);
        return new Promise(() => {});
      },
    });
    lab.push(records(1));
    lab.subscription.unsubscribe();
    expect(signals[0]?.().aborted).toBe(true);
  });
});
