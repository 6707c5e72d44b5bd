import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FileRecord } from "../../src/files/file-format.js";
import { LineBatch, type LineDecoder } from "../../src/files/line-batch.js";

const decoder: LineDecoder<string> = {
  skipsBlank: true,
  decode(line) {
    if (line.startsWith("!")) throw new Error("refused");
    return line;
  },
};

/** Where the block begins in its file. */
const BASE = 7;

interface Seen {
  readonly value: string | undefined;
  readonly position: number;
}

function batchOf(bytes: Buffer): LineBatch<string> {
  const block = { buffer: bytes, from: 0, to: bytes.length, base: BASE, overlong: undefined };
  return new LineBatch(block, decoder, 12, undefined, () => {});
}

function oneByOne(batch: LineBatch<string>, limit = Number.POSITIVE_INFINITY): Seen[] {
  const into: FileRecord<string> = { value: "", position: 0, skip: 0, bad: undefined };
  const seen: Seen[] = [];
  while (seen.length < limit && batch.next(into)) {
    seen.push({ value: into.bad === undefined ? into.value : undefined, position: into.position });
  }
  return seen;
}

/** Records in runs of these lengths; what a run does not have, and every third record, by itself. */
function inRuns(batch: LineBatch<string>, lengths: readonly number[]): Seen[] {
  const seen: Seen[] = [];
  for (let i = 0; ; i++) {
    const atMost = lengths[i % lengths.length] as number;
    if (batch.run.hasNext()) {
      const records: string[] = [];
      const one = (): number => records.push(batch.run.next());
      const count = atMost === 1 ? one() : batch.run.fill(records, 0, atMost);
      expect(count).toBe(records.length);
      expect(count).toBeGreaterThan(0);
      for (const value of records) seen.push({ value, position: -1 });
      seen[seen.length - 1] = { value: records.at(-1), position: batch.run.position };
    }
    const single = oneByOne(batch, 1);
    if (single.length === 0) return seen;
    seen.push(...single);
  }
}

const line = fc.oneof(
  fc.constantFrom(
    "",
    "  ",
    "a",
    "!",
    "é",
    "😀",
    "!é",
    "much longer than twelve",
    "x\r",
    "12345678901é",
  ),
  fc.string({ maxLength: 14 }).map((text) => text.replaceAll("\n", "")),
);
const bytes = fc.oneof(
  fc
    .tuple(fc.array(line, { maxLength: 60 }), fc.constantFrom("\n", "\r\n"))
    .map(([lines, end]) => Buffer.from(lines.join(end))),
  fc.uint8Array({ maxLength: 200 }).map((all) => Buffer.from(all)),
);

describe("lines in runs", () => {
  it("are those that come one by one, with the rest behind each position", () => {
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (all, lengths) => {
          const expected = oneByOne(batchOf(all));
          const seen = inRuns(batchOf(all), lengths);
          expect(seen.map(({ value }) => value)).toEqual(expected.map(({ value }) => value));
          for (const [i, { position }] of seen.entries()) {
            if (position < 0) continue;
            const rest = oneByOne(batchOf(all.subarray(position - BASE)));
            const values = expected.slice(i + 1).map(({ value }) => value);
            expect(rest.map(({ value }) => value)).toEqual(values);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("of thousands of lines come in one call, across the windows that are decoded together", () => {
    const text = Array.from({ length: 3000 }, (_, i) => `line ${i}`).join("\n");
    const records: string[] = [];
    const { run } = batchOf(Buffer.from(text));
    expect(run.hasNext()).toBe(true);
    expect(run.fill(records, 0, 5000)).toBe(3000);
    expect(records.join("\n")).toBe(text);
    expect(run.hasNext()).toBe(false);
  });
});
