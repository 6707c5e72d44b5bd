import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import type { Source } from "../../../src/api/source.js";
import { csvSource } from "../../../src/connectors/csv/index.js";
import type { FileEnumeratorState, FileSplit } from "../../../src/files/index.js";
import { readAll, SourceRun } from "../source-run.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-csv-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const LINES = Array.from({ length: 5000 }, (_, i) => `${i},"n\n${i}"`);

describe("csvSource", () => {
  it("goes on at the exact record after a restart, also in a compressed file", async () => {
    const content = `id,name\n${LINES.join("\n")}`;
    const expected = LINES.map((_, id) => ({ id, name: `n\n${id}` }));
    for (const path of [
      await file("plain.csv", content),
      await file("packed.csv.gz", gzipSync(content)),
    ]) {
      const source = csvSource({ path, columns: { id: "integer", name: "string" } });
      for (const count of [0, 1, 2500, 4999, 5000]) {
        const run = new SourceRun(source, {}).start();
        const before = await run.take(count);
        const restore = run.checkpoint();
        await run.close();
        const after = await readAll(source, { restore });
        expect([...before, ...after]).toEqual(expected);
      }
    }
  });

  it("reads the header of each file, and reports bad records with their split", async () => {
    const one = await file("one.csv", "a,b\n1,x\noops\n2,y\n");
    const two = await file("two.csv", "b,c,a\nz,-,3\n");
    const run = new SourceRun(
      csvSource({ path: [one, two], columns: { a: "integer", b: "string" } }),
    ).start();
    expect(await run.take()).toEqual([
      { a: 1, b: "x" },
      { a: 2, b: "y" },
      { a: 3, b: "z" },
    ]);
    const [bad, ...more] = run.badRecords;
    await run.close();
    expect(more).toEqual([]);
    expect(bad).toMatchObject({ position: 8, rawLength: 5 });
    expect(bad?.splitId).toContain(one);
    expect(Buffer.from(bad?.raw ?? []).toString()).toBe("oops\n");
  });

  it("has the types of its columns", () => {
    const typed = csvSource({
      path: "x",
      columns: { id: "integer", name: "string", at: "date", tags: (text) => text.split("|") },
    });
    expectTypeOf(typed).toEqualTypeOf<
      Source<
        { id: number | null; name: string; at: Date | null; tags: string[] },
        FileSplit,
        FileEnumeratorState
      >
    >();
    const nullable = csvSource({ path: "x", columns: { name: "string" }, nullValue: "NA" });
    expectTypeOf(nullable).toEqualTypeOf<
      Source<{ name: string | null }, FileSplit, FileEnumeratorState>
    >();
    expectTypeOf(csvSource({ path: "x" })).toEqualTypeOf<
      Source<Record<string, string>, FileSplit, FileEnumeratorState>
    >();
  });

  it("refuses options that are unknown, wrong or do not go together", () => {
    const cases: [options: object, message: RegExp][] = [
      [{ colums: {} }, /csvSource\.colums: there is no such option/],
      [{ splitSize: 5 }, /csvSource\.splitSize: there is no such option/],
      [{ columns: {} }, /csvSource\.columns: expected names of one or more columns/],
      [{ columns: { a: "float" } }, /csvSource\.columns: expected names/],
      [{ header: false }, /csvSource\.columns: expected the names of all columns/],
      [{ header: false, columns: { 2024: "string" } }, /csvSource\.columns: .*no whole numbers/],
      [{ quote: "«" }, /csvSource\.quote: expected one ASCII character/],
      [{ escape: "ab" }, /csvSource\.escape: expected one ASCII character/],
      [{ delimiter: "\n" }, /csvSource\.delimiter: expected a text without a newline/],
      [{ delimiter: '"' }, /csvSource\.delimiter: expected a text apart from the quote/],
      [{ comment: "," }, /csvSource\.comment: expected a text apart from the delimiter/],
      [{ quote: " ", trim: true }, /csvSource\.quote: expected no white space/],
      [{ maxRecordLength: 0 }, /csvSource\.maxRecordLength: expected a whole number ≥ 1/],
    ];
    for (const [options, message] of cases) {
      expect(() => csvSource({ path: "x", ...options } as never)).toThrow(message);
    }
  });
});
