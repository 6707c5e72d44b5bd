import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAll, SourceRun } from "../connectors/source-run.js";
import { FilesFolder } from "./files-folder.js";
import { lineSource, linesOf } from "./line-source.js";

const folder = new FilesFolder();

const piece = fc.oneof(
  fc.constantFrom("\n", "\r\n", "\r", "\n\n", "", "ä", "😀", "a\r", "漢字", "\uFEFF", "\0", "abc"),
  fc.string({ unit: "grapheme", maxLength: 12 }),
);
const content = fc
  .tuple(fc.boolean(), fc.array(piece, { maxLength: 30 }))
  .map(([mark, pieces]) => (mark ? "\uFEFF" : "") + pieces.join(""));

describe("the lines of splits", () => {
  it("are the lines of the file, each once, wherever splits and blocks are cut", async () => {
    const property = fc.asyncProperty(
      content,
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 3 }),
      async (text, splitSize, blockSize, parallelism) => {
        const path = folder.write(text, "property.txt");
        const source = lineSource({ path, splitSize }, { blockSize });
        const records = await readAll(source as never, { parallelism });
        if (parallelism === 1) expect(records).toEqual(linesOf(text));
        else expect([...records].sort()).toEqual(linesOf(text).sort());
      },
    );
    await fc.assert(property, { numRuns: 400 });
  });

  it("go on after a restore at each record exactly behind it, plain and compressed", async () => {
    const property = fc.asyncProperty(
      content,
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      async (text, splitSize, blockSize, isCompressed) => {
        const path = isCompressed
          ? folder.write(gzipSync(text), "restore.txt.gz")
          : folder.write(text, "restore.txt");
        const source = lineSource({ path, splitSize }, { blockSize });
        const lines = linesOf(text);
        for (let taken = 0; taken <= lines.length; taken++) {
          const first = new SourceRun(source, {}).start();
          const before = await first.take(taken);
          const restore = first.checkpoint();
          await first.close();
          const after = await readAll(source as never, { restore });
          expect([...before, ...after]).toEqual(lines);
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});
