import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CsvFormat } from "../../../src/connectors/csv/csv-format.js";
import { parseCsvOptions } from "../../../src/connectors/csv/csv-options.js";
import { MemoryFile, type Read, readFormat, splitOf, valuesOf } from "../read-format.js";

type Row = Record<string, unknown>;

/** A failure prints the seed that repeats it. */
const RUNS = { numRuns: 150, verbose: 1 } as const;

const piece = fc.constantFrom('"', ",", "\n", "\r\n", "\\", "'", " ", "#", "a", "ż", "🦩", "1", "");
const field = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
const sizes = fc.record({
  block: fc.integer({ min: 1, max: 60 }),
  chunk: fc.integer({ min: 1, max: 40 }),
});

function read(
  content: Uint8Array | string,
  options: object,
  size = { block: 131_072, chunk: 65_536 },
  position = 0,
): Promise<Read<Row>[]> {
  const file = new MemoryFile(content, size.chunk);
  const parsed = parseCsvOptions({ path: "memory", ...options });
  const format = new CsvFormat<Row>(parsed, size.block);
  return readFormat(format, file, splitOf(file, { position }));
}

/** The reads tell what became of each byte: what lies between two of them is left out. */
function checkPlaces(result: readonly Read<Row>[], length: number): void {
  let before = 0;
  for (const { bad, position } of result) {
    expect(position).toBeGreaterThan(before);
    if (bad !== undefined) {
      expect(bad.position).toBeGreaterThanOrEqual(before);
      expect(bad.position + bad.rawLength).toBe(position);
    }
    before = position;
  }
  expect(before).toBeLessThanOrEqual(length);
}

describe("CsvFormat", () => {
  it("reads what csv-stringify writes, and goes on behind each record", async () => {
    const dialects = fc.constantFrom<object>(
      {},
      { delimiter: ";", quote: "'", escape: "'" },
      { delimiter: "::", escape: "\\" },
      { delimiter: "\t", record_delimiter: "\r\n" },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, field, field), { maxLength: 8 }),
        dialects,
        sizes,
        async (table, dialect, size) => {
          const { record_delimiter, ...options } = dialect as { record_delimiter?: string };
          const content = stringify([["a", "b", "c"], ...table], {
            ...dialect,
            quoted: true,
          });
          const expected = table.map(([a, b, c]) => ({ a, b, c }));
          const result = await read(content, options, size);
          expect(result.map(({ bad }) => bad?.error)).toEqual(result.map(() => undefined));
          expect(valuesOf(result)).toEqual(expected);
          for (const [i, { position, skip }] of result.entries()) {
            expect(skip).toBe(0);
            expect(valuesOf(await read(content, options, size, position))).toEqual(
              expected.slice(i + 1),
            );
          }
        },
      ),
      RUNS,
    );
  });

  it("reads what csv-parse reads, of any text that csv-parse accepts", async () => {
    const options = fc.record({
      quote: fc.constantFrom('"', "'", null),
      escape: fc.constantFrom(undefined, "\\"),
      trim: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join("")),
        options,
        sizes,
        async (content, { quote, trim, escape: hiding }, size) => {
          const escaping = hiding ?? quote ?? '"';
          let rows: string[][];
          try {
            rows = parse(content, {
              quote,
              escape: quote === null ? null : escaping,
              trim,
              record_delimiter: ["\r\n", "\n"],
              skip_empty_lines: true,
              relax_column_count: true,
            });
          } catch {
            return;
          }
          const result = await read(
            content,
            { header: false, columns: { a: "string", b: "string" }, quote, escape: escaping, trim },
            size,
          );
          expect(result.length).toBe(rows.length);
          for (const [i, row] of rows.entries()) {
            if (row.length === 2) expect(result[i]?.value).toEqual({ a: row[0], b: row[1] });
            else expect(result[i]?.bad).toBeDefined();
          }
        },
      ),
      { ...RUNS, numRuns: 1500 },
    );
  });

  it("accounts for every byte of any input, the same for all blocks", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .array(fc.oneof(piece, fc.constantFrom('"', "\n", "\xff")), { maxLength: 40 })
        .map((pieces) => Uint8Array.from(Buffer.from(pieces.join(""), "latin1"))),
    );
    await fc.assert(
      fc.asyncProperty(
        bytes,
        sizes,
        fc.boolean(),
        fc.integer({ min: 1, max: 30 }),
        async (content, size, hides, max) => {
          const options = {
            header: false,
            columns: { a: "string", b: "integer" },
            comment: "#",
            maxRecordLength: max,
            ...(hides ? { escape: "\\" } : {}),
          };
          const result = await read(content, options, size);
          checkPlaces(result, content.length);
          const flat = (reads: Read<Row>[]): unknown[] =>
            reads.map(({ value, bad, position }) => [
              value,
              bad?.position,
              bad?.rawLength,
              position,
            ]);
          expect(flat(await read(content, options))).toEqual(flat(result));
          for (const [i, { position }] of result.entries()) {
            const rest = await read(content, options, size, position);
            // A byte order mark is one at the front only.
            expect(flat(rest)).toEqual(flat(result.slice(i + 1)));
          }
        },
      ),
      { ...RUNS, numRuns: 600 },
    );
  });

  it("reads all that is good of a file that is cut off, or damaged, at any byte", async () => {
    const content = Buffer.from('id,name\n1,"a ""b"" c"\n2,ż\r\n3,"x\ny"\n4,z\n');
    const options = { columns: { id: "integer", name: "string" } };
    const all = valuesOf(await read(content, options));
    expect(all).toHaveLength(4);
    for (let at = "id,name\n".length; at < content.length; at++) {
      const cut = await read(content.subarray(0, at), options);
      checkPlaces(cut, at);
      const good = valuesOf(cut);
      for (const value of good.slice(0, -1)) expect(all, `cut at ${at}`).toContainEqual(value);
      for (const bit of [1, 0x20, 0x80]) {
        const damaged = Buffer.from(content);
        damaged[at] = (damaged[at] as number) ^ bit;
        const result = await read(damaged, options);
        checkPlaces(result, content.length);
        const firstBehind = content.indexOf("\n4,");
        if (at < firstBehind) expect(valuesOf(result), `bit at ${at}`).toContainEqual(all[3]);
      }
    }
  });
});
