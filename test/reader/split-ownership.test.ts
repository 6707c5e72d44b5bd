import { describe, expect, it } from "vitest";
import { SplitOwnership } from "../../src/reader/split-ownership.js";

describe("split ownership", () => {
  it("counts a split from the moment it was sent until its end is reported", () => {
    const ownership = new SplitOwnership();
    ownership.joinLine(["a", "b"]);
    expect(ownership.isOwnedBy("a", 0)).toBe(false);
    ownership.send(["a", "b"], 0, 1);
    expect(ownership.numberOwned(0)).toBe(2);
    expect(ownership.isOwnedBy("a", 0)).toBe(true);
    ownership.end(["a"], 0, 1);
    expect(ownership.numberOwned(0)).toBe(1);
    expect(ownership.isOwnedBy("a", 0)).toBe(false);
  });

  it("keeps a split that was sent again after the end that a report tells of", () => {
    const ownership = new SplitOwnership();
    ownership.send(["a"], 0, 1);
    ownership.send(["a"], 0, 2);
    ownership.end(["a"], 0, 1);
    expect(ownership.numberOwned(0)).toBe(1);
    ownership.end(["a"], 0, 2);
    expect(ownership.numberOwned(0)).toBe(0);
  });

  it("says which splits a fetcher has taken, leaving out those on their way", () => {
    const ownership = new SplitOwnership();
    ownership.send(["a"], 0, 1);
    ownership.send(["b"], 0, 2);
    ownership.send(["c"], 1, 1);
    expect(ownership.splitsOf(0, 1)).toEqual(["a"]);
    expect(ownership.splitsOf(0, 2)).toEqual(["a", "b"]);
  });

  it("pauses only splits that are here, in line or sent, and forgets it at their end", () => {
    const ownership = new SplitOwnership();
    ownership.joinLine(["a"]);
    ownership.pause(["a", "unknown"]);
    expect([ownership.isPaused("a"), ownership.isPaused("unknown")]).toEqual([true, false]);
    ownership.send(["a", "b"], 0, 1);
    expect([ownership.numberOwned(0), ownership.numberRunning(0)]).toEqual([2, 1]);
    ownership.resume(["a", "b"]);
    expect(ownership.numberRunning(0)).toBe(2);
    ownership.pause(["a", "a"]);
    ownership.end(["a"], 0, 1);
    expect([ownership.isPaused("a"), ownership.numberRunning(0)]).toEqual([false, 1]);
    ownership.send(["a"], 0, 2);
    expect(ownership.numberRunning(0)).toBe(2);
  });
});
