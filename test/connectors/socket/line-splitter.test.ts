import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Line, LineSplitter } from "../../../src/connectors/socket/line-splitter.js";

/** What stands for a line in an expectation: its text, or the bytes that are none. */
type Expected = string | { readonly bad: RegExp; readonly raw: string; readonly rawLength: number };

function split(chunks: readonly Buffer[], delimiter = "\n", maxLineLength = 1000): Line[] {
  const splitter = new LineSplitter(delimiter, maxLineLength);
  const lines: Line[] = [];
  for (const chunk of chunks) splitter.push(Buffer.from(chunk), lines);
  splitter.end(lines);
  return lines;
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
}

function check(lines: readonly Line[], expected: readonly Expected[]): void {
  expect(lines.length).toBe(expected.length);
  for (const [i, want] of expected.entries()) {
    const line = lines[i] as Line;
    if (typeof want === "string" || typeof line === "string") {
      expect(line).toBe(want);
    } else {
      expect(line.error.message).toMatch(want.bad);
      expect(Buffer.from(line.raw).toString("latin1")).toBe(want.raw);
      expect(line.rawLength).toBe(want.rawLength);
    }
  }
}

describe("the line splitter", () => {
  it.each<[string, string, string, readonly string[]]>([
    ["lines", "a\nb\n", "\n", ["a", "b"]],
    ["a last line without a delimiter", "a\nb", "\n", ["a", "b"]],
    ["empty lines", "\n\na\n\n", "\n", ["", "", "a", ""]],
    ["nothing", "", "\n", []],
    ["a carriage return before the newline, once", "a\r\nb\r\r\n\r\n", "\n", ["a", "b\r", ""]],
    ["a carriage return at the end of the stream, which stays", "a\r", "\n", ["a\r"]],
    ["a carriage return before another delimiter, which stays", "a\r;b", ";", ["a\r", "b"]],
    ["a delimiter of several characters", "a||b|||c|", "||", ["a", "b", "|c|"]],
    ["a delimiter of several bytes", "aéb€éc", "é", ["a", "b€", "c"]],
    ["a delimiter that overlaps with itself", "xaaaay", "aa", ["x", "", "y"]],
    ["characters of one to four bytes", "aé€😀\n😀", "\n", ["aé€😀", "😀"]],
    ["a replacement character in the text", "\uFFFD\n", "\n", ["\uFFFD"]],
    ["a byte order mark, which stays", "\uFEFFa\n", "\n", ["\uFEFFa"]],
  ])("takes %s, however the bytes are cut", (_, text, delimiter, expected) => {
    const bytes = Buffer.from(text);
    check(split([bytes], delimiter), expected);
    check(
      split(
        [...bytes].map((byte) => Buffer.from([byte])),
        delimiter,
      ),
      expected,
    );
  });

  it("gives the same lines as cutting the whole text, for any text, delimiter and chunks", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "b", "\r", "\n", "é", "😀", ";"), maxLength: 60 }),
        fc.constantFrom("\n", ";", "ab", "aa", "aba", "é", "\r\n", "😀"),
        fc.array(fc.nat(), { maxLength: 12 }),
        (text, delimiter, cuts) => {
          const parts = text.split(delimiter);
          const last = parts.pop() as string;
          const whole = delimiter === "\n" ? parts.map((part) => part.replace(/\r$/, "")) : parts;
          check(
            split(cut(Buffer.from(text), cuts), delimiter),
            last === "" ? whole : [...whole, last],
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("gives the same for any bytes however they are cut, and every byte once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(255), fc.constantFrom(10, 13, 0xc3, 0xa9, 0xf0)), {
          maxLength: 80,
        }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.constantFrom("\n", "\r\n", "é"),
        fc.integer({ min: 1, max: 12 }),
        (content, cuts, delimiter, maxLineLength) => {
          const bytes = Buffer.from(content);
          const lines = split(cut(bytes, cuts), delimiter, maxLineLength);
          expect(lines).toEqual(split([bytes], delimiter, maxLineLength));
          const parts = bytes.toString("latin1").split(Buffer.from(delimiter).toString("latin1"));
          if (parts.at(-1) === "") parts.pop();
          expect(lines.length).toBe(parts.length);
          for (const [i, line] of lines.entries()) {
            if (typeof line === "string") {
              expect(Buffer.byteLength(line)).toBeLessThanOrEqual(maxLineLength);
              continue;
            }
            const part = parts[i] as string;
            const dropped = part.length - line.rawLength;
            expect([0, delimiter === "\n" && part.endsWith("\r") ? 1 : 0]).toContain(dropped);
            expect(part.slice(0, Math.min(line.rawLength, maxLineLength))).toBe(
              Buffer.from(line.raw).toString("latin1"),
            );
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("reports a line that is no UTF-8, and reads on behind it", () => {
    const bytes = Buffer.from("ok\n\xe9t\xe9\nok\n", "latin1");
    check(split([bytes]), ["ok", { bad: /no valid UTF-8/, raw: "\xe9t\xe9", rawLength: 3 }, "ok"]);
    const utf16 = Buffer.from("hé\n", "utf16le");
    expect(split([utf16]).map((line) => typeof line)).toContain("object");
  });

  it("reports a line that is too long once, with its length and beginning, and reads on", () => {
    const text = `${"x".repeat(10)}\n${"y".repeat(5000)}\nz\n${"w".repeat(11)}`;
    for (const size of [1, 7, 4096, 10_000]) {
      const bytes = Buffer.from(text);
      const chunks = cut(
        bytes,
        [...Array(Math.ceil(bytes.length / size)).keys()].map((i) => i * size),
      );
      check(split(chunks, "\n", 10).slice(0, 1), ["x".repeat(10)]);
      const [, long, after, last] = split(chunks, "\n", 10);
      expect(long).toMatchObject({ rawLength: 5000 });
      expect(after).toBe("z");
      expect(last).toMatchObject({ rawLength: 11 });
    }
  });

  it("takes a line of exactly the longest length with its carriage return", () => {
    const line = "x".repeat(10);
    for (const size of [1, 4, 100]) {
      const bytes = Buffer.from(`${line}\r\n${line}\n`);
      const chunks = cut(
        bytes,
        [...Array(30).keys()].map((i) => i * size),
      );
      check(split(chunks, "\n", 10), [line, line]);
    }
  });

  it("keeps no more of an endless line than it may, whatever the chunks", () => {
    const splitter = new LineSplitter("\n", 1000);
    const lines: Line[] = [];
    const length = 8000 * 64 * 1024;
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 8000; i++) splitter.push(Buffer.alloc(64 * 1024, 120), lines);
    // What it does not keep is not collected at once.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(length / 2);
    splitter.push(Buffer.from("\nok\n"), lines);
    check(lines.slice(1), ["ok"]);
    expect(lines[0]).toMatchObject({ rawLength: length, raw: { length: 1000 } });
  });

  it("reports what is torn, also a half delimiter, and glues nothing to it", () => {
    fc.assert(
      fc.property(fc.constantFrom("a", "ab", "ab|", "ab||c|", "|"), (before) => {
        const splitter = new LineSplitter("||", 100);
        const lines: Line[] = [];
        splitter.push(Buffer.from(before), lines);
        splitter.tear(lines);
        splitter.push(Buffer.from("|x||"), lines);
        const torn = before.split("||").at(-1) as string;
        check(lines.slice(-2), [
          { bad: /connection was lost within the line/, raw: torn, rawLength: torn.length },
          "|x",
        ]);
      }),
    );
    const splitter = new LineSplitter("\n", 100);
    const lines: Line[] = [];
    splitter.push(Buffer.from("whole\n"), lines);
    splitter.tear(lines);
    check(lines, ["whole"]);
  });
});
