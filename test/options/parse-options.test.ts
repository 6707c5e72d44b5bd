import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { duration, parseOptions, wholeNumber } from "../../src/options/parse-options.js";

const schema = v.strictObject({
  path: v.string(),
  batchSize: v.optional(wholeNumber(1), 4096),
  timeout: v.optional(duration(), "5s"),
  nested: v.optional(v.strictObject({ mode: v.picklist(["a", "b"]) })),
});

describe("parseOptions", () => {
  it("returns the options with defaults filled in and durations in milliseconds", () => {
    expect(parseOptions("source", schema, { path: "x", timeout: "1s" })).toEqual({
      path: "x",
      batchSize: 4096,
      timeout: 1000,
    });
    expect(parseOptions("source", schema, { path: "x" }).timeout).toBe(5000);
  });

  it.each([
    [{ path: 1 }, "option source.path: expected string, got 1"],
    [{ path: "x", batchSize: 0 }, "option source.batchSize: expected a whole number ≥ 1, got 0"],
    [
      { path: "x", batchSize: 1.5 },
      "option source.batchSize: expected a whole number ≥ 1, got 1.5",
    ],
    [{ path: "x", batchSize: "3" }, 'option source.batchSize: expected number, got "3"'],
    [
      { path: "x", timeout: "soon" },
      'option source.timeout: expected a duration ≥ 0 in milliseconds or like "250ms", "5s", "1d", got "soon"',
    ],
    [
      { path: "x", nested: { mode: "c" } },
      'option source.nested.mode: expected ("a" | "b"), got "c"',
    ],
    [null, "option source: expected Object, got null"],
  ])("refuses %j with path, value and what was expected", (options, message) => {
    expect(() => parseOptions("source", schema, options)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", domain: "user", retry: "never", message }),
    );
  });

  it("refuses a key that it does not know, at any depth", () => {
    expect(() => parseOptions("source", schema, { path: "x", batchsize: 3 })).toThrow(
      "option source.batchsize: there is no such option (is it misspelt?)",
    );
    expect(() =>
      parseOptions("source", schema, { path: "x", nested: { mode: "a", mod: 1 } }),
    ).toThrow("option source.nested.mod: there is no such option (is it misspelt?)");
  });

  it("asks for an option that is required and not there", () => {
    expect(() => parseOptions("source", schema, {})).toThrow("option source.path: it is required");
    expect(() => parseOptions("source", schema, { path: "x", nested: {} })).toThrow(
      "option source.nested.mode: it is required",
    );
  });

  it("does not print what a value holds when it is large or a function", () => {
    const long = "x".repeat(1000);
    const of = (value: unknown) => () => parseOptions("source", wholeNumber(0), value);
    expect(of(long)).toThrow(/^option source: expected number, got "x{77}\.\.\."$/);
    expect(of(function secret() {})).toThrow("got a function (secret)");
    expect(of([1, 2])).toThrow("got an array of 2");
    expect(of({ password: "p" })).toThrow("got an object");
  });
});
