import { describe, expect, it } from "vitest";
import {
  AVAILABLE,
  AvailabilityFuture,
  address,
  SeededRandom,
  SystemRandom,
} from "../../src/mailbox/index.js";

describe("AvailabilityFuture", () => {
  it("calls listeners once, in the order they came, when it is completed", () => {
    const future = new AvailabilityFuture();
    const log: string[] = [];
    future.onDone(() => log.push("a"));
    future.onDone(() => log.push("b"));
    expect(future.isDone).toBe(false);
    future.complete();
    future.complete();
    expect(future.isDone).toBe(true);
    expect(log).toEqual(["a", "b"]);
  });

  it("calls a listener at once when it is done already, also from within another one", () => {
    const future = new AvailabilityFuture();
    const log: string[] = [];
    future.onDone(() => future.onDone(() => log.push(`inner ${future.isDone}`)));
    future.complete();
    AVAILABLE.onDone(() => log.push("available"));
    expect(log).toEqual(["inner true", "available"]);
  });
});

describe("address", () => {
  it("joins its parts so that no two lists of parts share an address", () => {
    expect(address("flights", "source-0", "subtask", 1)).toBe("flights/source-0/subtask/1");
    expect(address("a/b", "c")).not.toBe(address("a", "b/c"));
  });
});

describe("random numbers", () => {
  it("are the same for the same seed, and others for another", () => {
    const take = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 5 }, () => random.next());
    };
    expect(take(42)).toEqual(take(42));
    expect(take(42)).not.toEqual(take(43));
  });

  it("lie in [0, 1) and spread evenly", () => {
    const random = new SeededRandom(7);
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const bucket = Math.floor(random.next() * 10);
      buckets[bucket] = (buckets[bucket] as number) + 1;
    }
    expect(Math.min(...buckets)).toBeGreaterThan(900);
    const next = new SystemRandom().next();
    expect(next >= 0 && next < 1).toBe(true);
  });
});
