import { describe, expect, it } from "vitest";
import {
  checkState,
  explain,
  HeadwaterError,
  illegalArgument,
  illegalState,
  optionInvalid,
  unsupportedOperation,
} from "../../src/errors/index.js";

const facts = { domain: "user", retry: "never", scope: "job" } as const;

describe("explain", () => {
  it("puts the message, the causes behind it and the hint into words", () => {
    const cause = new Error("connect ECONNREFUSED");
    const inner = new HeadwaterError("FETCHER_FAILED", "fetcher 1 failed", { ...facts, cause });
    const error = new HeadwaterError("RESTARTS_EXHAUSTED", "the job has failed", {
      ...facts,
      cause: inner,
      hint: "Start the broker.",
    });
    expect(explain(error)).toBe(
      "the job has failed: fetcher 1 failed: connect ECONNREFUSED\n  Start the broker.",
    );
  });

  it("gives the outermost hint, or else that of a cause", () => {
    const cause = new HeadwaterError("SINK_FAILED", "disk full", { ...facts, hint: "Make room." });
    expect(explain(new Error("outer", { cause }))).toBe("outer: disk full\n  Make room.");
    const outer = new HeadwaterError("SINK_FAILED", "outer", { ...facts, cause, hint: "Outer." });
    expect(explain(outer)).toMatch(/\n {2}Outer\.$/);
  });

  it("says nothing twice", () => {
    const cause = new Error("disk full");
    expect(explain(new Error("could not write: disk full", { cause }))).toBe(
      "could not write: disk full",
    );
  });

  it("explains what is no error, has no message or is its own cause", () => {
    expect(explain("text")).toBe("text");
    expect(explain(undefined)).toBe("");
    expect(explain(Object.create(null))).toBe("a value that cannot be shown");
    expect(explain(new TypeError("", { cause: new Error("inner") }))).toBe("TypeError: inner");
    const endless = new Error("endless");
    endless.cause = endless;
    expect(explain(endless)).toBe("endless");
  });
});

describe("HeadwaterError", () => {
  it("is an Error that keeps its cause, and has none when none is given", () => {
    const cause = new Error("inner");
    const error = new HeadwaterError("SINK_FAILED", "outer", { ...facts, cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("HeadwaterError");
    expect(error.cause).toBe(cause);
    expect("cause" in new HeadwaterError("SINK_FAILED", "outer", facts)).toBe(false);
  });

  it.each([
    [illegalState("x"), "ILLEGAL_STATE", "internal"],
    [illegalArgument("x"), "ILLEGAL_ARGUMENT", "user"],
    [unsupportedOperation("x", "do y"), "UNSUPPORTED_OPERATION", "user"],
    [optionInvalid("a.b", 1, "text"), "OPTION_INVALID", "user"],
  ])("%s says who has to act and is never retried", (error, code, domain) => {
    expect(error).toMatchObject({ code, domain, retry: "never", scope: "job" });
  });

  it("is thrown by an invariant that does not hold", () => {
    expect(() => checkState(false, "broken")).toThrow(
      expect.objectContaining({ code: "ILLEGAL_STATE", message: "broken" }),
    );
    expect(() => checkState(true, "holds")).not.toThrow();
  });
});
