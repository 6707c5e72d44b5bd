import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ControlAnswer,
  type ControlRequest,
  encodeAnswer,
  encodeError,
  encodeRequest,
  MAX_MESSAGE_BYTES,
  parseAnswer,
  parseRequest,
} from "../../src/control/control-protocol.js";
import { MessageLines } from "../../src/control/message-lines.js";
import { HeadwaterError } from "../../src/errors/index.js";

const line = (text: string): Uint8Array => new TextEncoder().encode(text);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof HeadwaterError) return error.code;
    throw error;
  }
  return "no error";
}

const target = fc.option(
  fc.string({ unit: "binary", maxLength: 100 }).filter((text) => !text.includes("\0")),
  { nil: undefined },
);
const request: fc.Arbitrary<ControlRequest> = fc
  .tuple(
    fc.constantFrom("status" as const, "savepoint" as const, "stop" as const, "cancel" as const),
    target,
    fc.boolean(),
  )
  .map(([type, name, drain]): ControlRequest => {
    const place = name === undefined ? {} : { target: `/${name}` };
    if (type === "savepoint") return { type, ...place };
    return type === "stop" ? { type, drain, ...place } : { type };
  });

describe("a control request", () => {
  it("is one line, and the other side reads what was meant", () => {
    fc.assert(
      fc.property(request, (one) => {
        const bytes = encodeRequest(one);
        expect(bytes.indexOf(10)).toBe(bytes.length - 1);
        expect(parseRequest(bytes.subarray(0, -1))).toEqual(one);
      }),
    );
  });

  it.each([
    ["no JSON", "GET / HTTP/1.1", "ILLEGAL_ARGUMENT"],
    ["an empty line", "", "ILLEGAL_ARGUMENT"],
    ["no object", "[1]", "ILLEGAL_ARGUMENT"],
    ["null", "null", "ILLEGAL_ARGUMENT"],
    ["no version", '{"type":"status"}', "UNSUPPORTED_OPERATION"],
    ["another version", '{"version":2,"type":"status"}', "UNSUPPORTED_OPERATION"],
    ["no type", '{"version":1}', "ILLEGAL_ARGUMENT"],
    ["an unknown type", '{"version":1,"type":"explode"}', "ILLEGAL_ARGUMENT"],
    ["a type of every object", '{"version":1,"type":"toString"}', "ILLEGAL_ARGUMENT"],
    ["an unknown field", '{"version":1,"type":"cancel","drain":true}', "ILLEGAL_ARGUMENT"],
    ["a prototype", '{"version":1,"type":"status","__proto__":{}}', "ILLEGAL_ARGUMENT"],
    ["a drain of 1", '{"version":1,"type":"stop","drain":1}', "ILLEGAL_ARGUMENT"],
    ["a relative target", '{"version":1,"type":"stop","target":"x"}', "ILLEGAL_ARGUMENT"],
    ["a target of 0", '{"version":1,"type":"stop","target":0}', "ILLEGAL_ARGUMENT"],
    ["NUL in a target", '{"version":1,"type":"stop","target":"/\\u0000"}', "ILLEGAL_ARGUMENT"],
    [
      "a long target",
      `{"version":1,"type":"savepoint","target":"/${"x".repeat(5000)}"}`,
      "ILLEGAL_ARGUMENT",
    ],
  ])("with %s is refused", (_what, text, code) => {
    expect(codeOf(() => parseRequest(line(text)))).toBe(code);
  });

  it("of any bytes is a request or refused, and nothing else happens", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(line)), (bytes) => {
        expect(["ILLEGAL_ARGUMENT", "UNSUPPORTED_OPERATION"]).toContain(
          codeOf(() => parseRequest(bytes)),
        );
      }),
    );
  });
});

describe("a control answer", () => {
  it("brings infinite watermarks and what was not reported", () => {
    const report = { watermark: Number.NEGATIVE_INFINITY, uptime: Number.POSITIVE_INFINITY };
    const answer = { type: "report", report } as unknown as ControlAnswer;
    expect(parseAnswer(encodeAnswer(answer))).toEqual({ version: 1, ok: true, answer });
  });

  it("brings an error with its code, hint and causes, without stacks", () => {
    const error = new HeadwaterError("SINK_FAILED", "outer", {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "mend it",
      cause: new Error("x".repeat(100_000)),
    });
    const message = parseAnswer(encodeError(error));
    expect(message).toMatchObject({
      ok: false,
      error: { code: "SINK_FAILED", hint: "mend it", cause: { message: "x".repeat(2000) } },
    });
    expect(JSON.stringify(message)).not.toContain("stack");
  });

  it("with more bytes than a message may have is not sent", () => {
    const answer = { type: "x".repeat(MAX_MESSAGE_BYTES) } as unknown as ControlAnswer;
    expect(codeOf(() => encodeAnswer(answer))).toBe("LIMIT_EXCEEDED");
  });

  it.each([
    ["no answer", '{"version":1,"ok":true}', "ILLEGAL_ARGUMENT"],
    ["no error", '{"version":1,"ok":false}', "ILLEGAL_ARGUMENT"],
    ["an answer that is no object", '{"version":1,"ok":true,"answer":7}', "ILLEGAL_ARGUMENT"],
    ["another version", '{"version":9,"ok":true,"answer":{}}', "UNSUPPORTED_OPERATION"],
  ])("with %s is refused", (_what, text, code) => {
    expect(codeOf(() => parseAnswer(line(text)))).toBe(code);
  });
});

describe("lines out of a socket's bytes", () => {
  it("are the same however the bytes come", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 }).map((one) => one.replace(/\n/g, ""));
    fc.assert(
      fc.property(fc.array(text), fc.array(fc.integer({ min: 1, max: 30 })), (texts, sizes) => {
        const bytes = Buffer.from(texts.map((one) => `${one}\n`).join(""));
        const lines = new MessageLines();
        const found: string[] = [];
        for (let from = 0, step = 0; from < bytes.length; step++) {
          const size = sizes[step % sizes.length] ?? 7;
          lines.push(bytes.subarray(from, from + size));
          from += size;
          for (let next = lines.next(); next !== undefined; next = lines.next()) {
            found.push(next.toString());
          }
        }
        expect(found).toEqual(texts.map((one) => Buffer.from(one).toString()));
      }),
    );
  });

  it("end at the limit", () => {
    const longest = new MessageLines();
    longest.push(Buffer.from(`${"x".repeat(MAX_MESSAGE_BYTES - 1)}\n`));
    expect(longest.next()).toHaveLength(MAX_MESSAGE_BYTES - 1);

    const tooLong = new MessageLines();
    tooLong.push(Buffer.alloc(MAX_MESSAGE_BYTES - 1));
    expect(tooLong.next()).toBeUndefined();
    tooLong.push(Buffer.alloc(1));
    expect(codeOf(() => tooLong.next())).toBe("LIMIT_EXCEEDED");
  });
});
