import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UnreadableInput } from "../../src/api/bad-record.js";
import { SourceRun } from "../connectors/source-run.js";
import { FilesFolder } from "./files-folder.js";
import { lineSource } from "./line-source.js";

const folder = new FilesFolder();

type Sizes = Parameters<typeof lineSource>[1];

async function read(
  content: string | Uint8Array,
  sizes: Sizes = {},
  splitSize = 64 * 1024 * 1024,
): Promise<{ lines: string[]; bad: readonly UnreadableInput[] }> {
  const source = lineSource({ path: folder.write(content, "input.txt"), splitSize }, sizes);
  const run = new SourceRun(source).start();
  const lines = await run.take();
  const bad = run.badRecords;
  await run.close();
  return { lines, bad };
}

describe("lines", () => {
  it("are those between newlines; an empty file has none, and a byte order mark is none", async () => {
    const lines = async (content: string) => (await read(content)).lines;
    expect(await lines("")).toEqual([]);
    expect(await lines("\n")).toEqual([""]);
    expect(await lines("a\r\n\r\nb\rc\n\r")).toEqual(["a", "", "b\rc", "\r"]);
    expect(await lines("\uFEFF")).toEqual([]);
    expect(await lines("\uFEFF\n\uFEFFx")).toEqual(["", "\uFEFFx"]);
  });

  it("of 100 MB are read, also across splits, in time that grows with the bytes", async () => {
    const long = Buffer.alloc(100_000_000, "abcdefghij");
    const content = Buffer.concat([Buffer.from("first\n"), long, Buffer.from("\nlast\n")]);
    const { lines, bad } = await read(content, { maxLineLength: 128 * 1024 * 1024 }, 30_000_000);
    expect(lines.map((line) => line.length)).toEqual([5, 100_000_000, 4]);
    expect(lines[1] === long.toString()).toBe(true);
    expect(bad).toEqual([]);
  });

  it("longer than allowed are a bad record each, and the next line is read", async () => {
    for (const blockSize of [1, 7, 64, 4096]) {
      for (const end of ["\n", "\r\n"]) {
        const text = ["ok", "x".repeat(10), "y".repeat(11), "z".repeat(500), "end"].join(end);
        const { lines, bad } = await read(text, { blockSize, maxLineLength: 10 });
        expect(lines).toEqual(["ok", "x".repeat(10), "end"]);
        expect(bad.map(({ position }) => position)).toEqual([
          12 + 2 * end.length,
          23 + 3 * end.length,
        ]);
        expect(Buffer.from(bad[1]?.raw ?? []).toString()).toMatch(/^z+/);
        expect(bad[1]?.rawLength).toBeGreaterThanOrEqual(500);
        expect(bad[1]?.error).toMatchObject({
          code: "BAD_RECORD",
          message: expect.stringContaining("maxLineLength is 10"),
        });
      }
    }
  });

  it("longer than allowed at the file's end are a bad record too, of which the first MiB is kept", async () => {
    const { lines, bad } = await read(`a\n${"x".repeat(5_000_000)}`, { maxLineLength: 1000 });
    expect(lines).toEqual(["a"]);
    expect(bad).toHaveLength(1);
    expect(bad[0]).toMatchObject({ position: 2, rawLength: 5_000_000 });
    expect(bad[0]?.raw).toHaveLength(1024 * 1024);
  });

  it("that are no UTF-8 are bad records with their bytes; none comes with U+FFFD", async () => {
    const content = Buffer.concat([
      Buffer.from("gut ä\n"),
      Buffer.from([0xe4, 0x0a]),
      Buffer.from("ok\n"),
      Buffer.from([0x61, 0xc3, 0x0d, 0x0a]),
      Buffer.from("end"),
    ]);
    const { lines, bad } = await read(content);
    expect(lines).toEqual(["gut ä", "ok", "end"]);
    expect(bad.map(({ position, raw }) => [position, [...raw]])).toEqual([
      [7, [0xe4]],
      [12, [0x61, 0xc3]],
    ]);
    expect(bad[0]?.error).toMatchObject({ message: "the line is no valid UTF-8" });
  });

  it("of a file in UTF-16 are all bad, in every split, and the error says why", async () => {
    const content = Buffer.from("\uFEFFab\ncd\nef\n", "utf16le");
    for (const splitSize of [5, 1000]) {
      const { lines, bad } = await read(content, {}, splitSize);
      expect(lines).toEqual([]);
      expect(bad).toHaveLength(4);
      for (const { error } of bad) {
        expect(error).toMatchObject({ message: expect.stringContaining("UTF-16") });
      }
    }
  });

  it("and bad records cover any bytes without gap or overlap, and nothing crashes or hangs", async () => {
    const bytes = fc.uint8Array({ maxLength: 120 });
    const pieces = fc.array(
      fc.oneof(
        bytes,
        fc.constantFrom("\n", "\r\n", "ok").map((text) => Buffer.from(text)),
      ),
      { maxLength: 8 },
    );
    const property = fc.asyncProperty(
      pieces,
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 100 }),
      async (parts, splitSize, blockSize, maxLineLength) => {
        const content = Buffer.concat(parts);
        const { lines, bad } = await read(content, { blockSize, maxLineLength }, splitSize);
        const expected = rawLines(content);
        expect(lines.length + bad.length).toBe(expected.length);
        const isBad = new Map(bad.map((one) => [one.position, one]));
        let next = 0;
        for (const { position, raw } of expected) {
          const one = isBad.get(position);
          if (one === undefined) expect(Buffer.from(lines[next++] as string)).toEqual(raw);
          else
            expect(Buffer.from(one.raw).subarray(0, raw.length)).toEqual(
              raw.subarray(0, one.raw.length),
            );
        }
      },
    );
    await fc.assert(property, { numRuns: 400 });
  });
});

/** The bytes of each line, and where it begins. */
function rawLines(content: Buffer): { position: number; raw: Buffer }[] {
  const lines: { position: number; raw: Buffer }[] = [];
  const hasMark = content.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
  for (let from = hasMark ? 3 : 0; from < content.length; ) {
    const newline = content.indexOf(10, from);
    let to = newline < 0 ? content.length : newline;
    const next = newline < 0 ? to : newline + 1;
    if (newline > from && content[to - 1] === 13) to--;
    lines.push({ position: from, raw: content.subarray(from, to) });
    from = next;
  }
  return lines;
}
