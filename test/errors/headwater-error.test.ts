import fc from "fast-check";
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
const controls = fc.constantFrom("\x1b", "\r", "\n", "\x9b", "\u2028", "\u{e0001}", "\ud83d");

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

  it("escapes what would steer a terminal, in messages, causes, names and hints", () => {
    const cause = new SyntaxError(
      "no JSON: \x1b[2J\x1b]0;owned\x07\r\u009b31m\u202egnp.exe\nrm\t-rf",
    );
    const nameless = new Error("", { cause });
    nameless.name = "\x1b[8mhidden";
    const error = new HeadwaterError("BAD_RECORD", "split a\nb\x00", {
      ...facts,
      cause: nameless,
      hint: "Look at\x1b[1A it.",
    });
    expect(explain(error)).toBe(
      "split a\\nb\\x00: \\x1b[8mhidden: no JSON: \\x1b[2J\\x1b]0;owned\\x07\\r\\x9b31m\\u202egnp.exe\\nrm\\t-rf" +
        "\n  Look at\\x1b[1A it.",
    );
    expect(error.message).toBe("split a\nb\x00");
  });

  it("has no control character whatever the message is, and leaves readable text as it is", () => {
    const text = fc.string({ unit: fc.oneof(fc.string({ unit: "binary" }), controls) });
    fc.assert(
      fc.property(text, text, (message, hint) => {
        const error = new HeadwaterError("BAD_RECORD", message, { ...facts, hint });
        const [first = "", second = "", ...more] = explain(error).split("\n");
        expect(`${first}${second}`).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(more).toEqual([]);
      }),
    );
    const readable = "Größe 😀 «Ż» 漢字 C:\\temp €";
    expect(explain(readable)).toBe(readable);
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
