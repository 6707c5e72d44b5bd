import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration } from "../../src/options/duration.js";

describe("parseDuration", () => {
  it.each([
    [0, 0],
    [250, 250],
    [1.5, 1.5],
    ["250ms", 250],
    ["5s", 5000],
    ["2m", 120_000],
    ["2min", 120_000],
    ["1.5h", 5_400_000],
    ["1 d", 86_400_000],
    [" 7 ms ", 7],
  ])("reads %j as %d milliseconds", (input, ms) => {
    expect(parseDuration(input, "idleness")).toBe(ms);
  });

  it.each([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "",
    "5",
    "5 parsecs",
    "-5s",
    "1e3s",
    "s",
    "5S",
  ])("refuses %j and says what a duration looks like", (input) => {
    expect(() => parseDuration(input, "withIdleness")).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: expect.stringMatching(
          /^option withIdleness: expected a duration ≥ 0 in milliseconds or like "250ms", .*, got /,
        ),
      }),
    );
  });

  it("refuses a number of days that no clock can hold", () => {
    expect(() => parseDuration(`${"9".repeat(400)}d`, "x")).toThrow(/OPTION|expected a duration/);
  });

  it("agrees with itself across units", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), (n) => {
        expect(parseDuration(`${n}min`, "x")).toBe(parseDuration(`${n * 60}s`, "x"));
        expect(parseDuration(`${n}s`, "x")).toBe(parseDuration(n * 1000, "x"));
      }),
    );
  });
});
