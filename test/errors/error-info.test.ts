import { deserialize, serialize } from "node:v8";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ErrorInfo,
  fromErrorInfo,
  HeadwaterError,
  rootCause,
  toErrorInfo,
} from "../../src/errors/index.js";

const failed = new HeadwaterError("FETCHER_FAILED", "fetcher 3 failed", {
  domain: "external",
  retry: "backoff",
  scope: "reader",
  hint: "Look at the broker.",
  cause: new TypeError("connection lost", { cause: "a string" }),
  suppressed: [new Error("later"), "a string too"],
});

/** As the error looks behind a mailbox that crosses a process. */
function overTheWire(error: unknown): Error {
  return fromErrorInfo(deserialize(serialize(toErrorInfo(error))) as ErrorInfo);
}

describe("ErrorInfo", () => {
  it("brings a HeadwaterError over the wire with all that it says", () => {
    const received = overTheWire(failed) as HeadwaterError;
    expect(received).toBeInstanceOf(HeadwaterError);
    expect(received).toMatchObject({
      code: "FETCHER_FAILED",
      message: "fetcher 3 failed",
      domain: "external",
      retry: "backoff",
      scope: "reader",
      hint: "Look at the broker.",
      stack: failed.stack,
    });
    const cause = received.cause as Error;
    expect([cause.name, cause.message]).toEqual(["TypeError", "connection lost"]);
    expect((cause.cause as Error).message).toBe("a string");
    expect(received.suppressed.map((error) => (error as Error).message)).toEqual([
      "later",
      "a string too",
    ]);
  });

  it("says the same after a second way", () => {
    const info = toErrorInfo(failed);
    expect(toErrorInfo(fromErrorInfo(info))).toEqual(info);
  });

  it("describes anything that can be thrown, and the description survives serialization", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (thrown) => {
        const info = toErrorInfo(thrown);
        expect(typeof info.message).toBe("string");
        expect(deserialize(serialize(info))).toEqual(info);
      }),
    );
  });

  it.each([
    ["an object without a string form", Object.create(null) as unknown],
    ["a symbol", Symbol("s")],
    ["an error whose message is no text", Object.assign(new Error(), { message: () => {} })],
    ["an error whose stack is no text", Object.assign(new Error("x"), { stack: () => {} })],
  ])("describes %s", (_name, thrown) => {
    const info = toErrorInfo(thrown);
    expect(deserialize(serialize(info))).toEqual(info);
  });

  it("cuts a chain of causes, also an endless one", () => {
    let error = new Error("the first");
    for (let i = 0; i < 100; i++) error = new Error(`cause ${i}`, { cause: error });
    expect(depthOf(toErrorInfo(error))).toBe(9);
    const endless = new Error("endless");
    endless.cause = endless;
    expect(depthOf(toErrorInfo(endless))).toBe(9);
  });

  it("keeps a limited number of suppressed errors: the first", () => {
    const many = Array.from({ length: 100 }, (_, i) => new Error(String(i)));
    const error = new HeadwaterError("READER_FAILED", "many", {
      domain: "external",
      retry: "never",
      scope: "reader",
      suppressed: many,
    });
    const messages = toErrorInfo(error).suppressed?.map((info) => info.message);
    expect(messages).toEqual(Array.from({ length: 16 }, (_, i) => String(i)));
  });
});

describe("rootCause", () => {
  it("is the innermost cause, whatever it is", () => {
    expect(rootCause(failed)).toBe("a string");
    expect(rootCause("text")).toBe("text");
    const alone = new Error("alone");
    expect(rootCause(alone)).toBe(alone);
  });
});

function depthOf(info: ErrorInfo): number {
  return 1 + (info.cause === undefined ? 0 : depthOf(info.cause));
}
