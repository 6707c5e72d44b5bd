import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AvroFormat } from "../../../src/connectors/avro/avro-format.js";
import { parseAvroOptions } from "../../../src/connectors/avro/avro-options.js";
import type { FileSplit } from "../../../src/files/index.js";
import { MemoryFile, type Read, readFormat, splitOf, valuesOf } from "../read-format.js";
import { block, container, header, long, SYNC } from "./avro-files.js";

type Row = Record<string, unknown>;

/** A failure prints the seed that repeats it. */
const RUNS = { numRuns: 100, verbose: 1 } as const;

const SCHEMA = {
  type: "record",
  name: "R",
  fields: [
    { name: "id", type: "long" },
    { name: "text", type: ["null", "string"] },
    { name: "list", type: { type: "array", items: "double" } },
    { name: "map", type: { type: "map", values: "bytes" } },
  ],
};

const row = fc.record({
  // avsc cannot write all that are below.
  id: fc.integer({ min: -(2 ** 52), max: 2 ** 53 - 2 }),
  text: fc.option(fc.string({ unit: "grapheme", maxLength: 8 })),
  list: fc.array(fc.double(), { maxLength: 3 }),
  map: fc.dictionary(
    fc.string({ maxLength: 3 }).filter((key) => key !== "__proto__"),
    fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
    { maxKeys: 2, noNullPrototype: true },
  ),
});
const blocks = fc.array(fc.array(row, { maxLength: 4 }), { maxLength: 5 });

function read(
  content: Uint8Array,
  part: Partial<FileSplit> = {},
  chunk = 65_536,
  isCompressed = false,
): Promise<Read<Row>[]> {
  const file = new MemoryFile(content, chunk, isCompressed);
  const format = new AvroFormat<Row>(parseAvroOptions({ path: "memory", maxBlockSize: 100_000 }));
  return readFormat(format, file, splitOf(file, part));
}

/** Splits that together are the file. */
async function readSplits(
  content: Uint8Array,
  cuts: readonly number[],
  chunk: number,
): Promise<Read<Row>[]> {
  const ends = [...new Set(cuts.map((cut) => cut % content.length)), content.length].sort(
    (a, b) => a - b,
  );
  const reads: Read<Row>[] = [];
  let start = 0;
  for (const end of ends) {
    reads.push(...(await read(content, { start, end }, chunk)));
    start = end;
  }
  return reads;
}

const flat = (reads: readonly Read<Row>[]): unknown[] =>
  reads.map(({ value, bad, position, skip }) => [
    value,
    bad && [bad.position, bad.rawLength, (bad.error as Error).message],
    position,
    skip,
  ]);

/** Whether a damaged block has a sync marker before the one at its end. */
function hidesMarker(content: Buffer, { bad, position }: Read<Row>): boolean {
  if (bad === undefined) return false;
  const marker = content.indexOf(SYNC, bad.position);
  return marker >= 0 && marker + SYNC.length < position;
}

describe("AvroFormat", () => {
  it("reads every record once, wherever splits begin, and goes on behind each", async () => {
    await fc.assert(
      fc.asyncProperty(
        blocks,
        fc.array(fc.nat(), { maxLength: 4 }),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom("null" as const, "deflate" as const),
        async (records, cuts, chunk, codec) => {
          const content = container(SCHEMA, records, codec);
          const expected = records.flat();
          const result = await readSplits(content, cuts, chunk);
          expect(result.map(({ bad }) => bad?.error)).toEqual(result.map(() => undefined));
          expect(valuesOf(result)).toEqual(expected);
          for (const [i, { position, skip }] of result.entries()) {
            const rest = valuesOf(await read(content, { position, skip }, chunk));
            expect(rest).toEqual(expected.slice(i + 1));
          }
          const packed = await read(content, { end: 1 }, chunk, true);
          expect(valuesOf(packed)).toEqual(expected);
        },
      ),
      RUNS,
    );
  });

  it("finds blocks by a range of bytes wherever it begins and ends", async () => {
    const content = container(SCHEMA, [
      [{ id: 1, text: "a", list: [], map: {} }],
      [{ id: 2, text: null, list: [1], map: {} }],
      [],
      [{ id: 3, text: "ü", list: [], map: {} }],
    ]);
    const all = flat(await read(content));
    expect(all).toHaveLength(3);
    for (let cut = 1; cut < content.length; cut++) {
      expect(flat(await readSplits(content, [cut], 20)), `cut at ${cut}`).toEqual(all);
    }
  });

  it("accounts for every byte behind the header of any input, however it is split", async () => {
    const parts = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        fc
          .tuple(fc.integer({ min: -1, max: 4 }), fc.uint8Array({ maxLength: 20 }))
          .map(([count, data]) => block(count, data)),
        fc.nat(1000).map((id) => block(1, Buffer.concat([long(id), long(0), long(0), long(0)]))),
      ),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(
        parts,
        fc.array(fc.nat(), { maxLength: 3 }),
        fc.integer({ min: 1, max: 50 }),
        async (bytes, cuts, chunk) => {
          const front = header(SCHEMA);
          const content = Buffer.concat([front, ...bytes]);
          const result = await read(content, {}, chunk);
          let before = front.length;
          for (const { bad, position, skip } of result) {
            expect(position).toBeGreaterThanOrEqual(before);
            if (bad !== undefined && skip === 0) {
              expect(bad.position).toBeGreaterThanOrEqual(before);
              expect(bad.position + bad.rawLength).toBeLessThanOrEqual(position);
            }
            before = position;
          }
          // Who begins in a block whose bytes hold a marker takes it for the block's end: so does Java's reader.
          if (!result.some((found) => hidesMarker(content, found))) {
            expect(flat(await readSplits(content, cuts, chunk))).toEqual(flat(result));
          }
          for (const [i, { position, skip }] of result.entries()) {
            const rest = await read(content, { position, skip }, chunk);
            expect(flat(rest)).toEqual(flat(result.slice(i + 1)));
          }
        },
      ),
      { ...RUNS, numRuns: 300 },
    );
  });

  it("reads all that is good of a file that is cut off, or damaged, at any byte", async () => {
    const records = Array.from({ length: 6 }, (_, i) => ({
      id: i,
      text: `text ${i}`,
      list: [i / 2],
      map: { k: Buffer.from([i]) },
    }));
    for (const codec of ["null", "deflate"] as const) {
      const content = container(
        SCHEMA,
        [records.slice(0, 2), records.slice(2, 4), records.slice(4)],
        codec,
      );
      const { length } = header(SCHEMA, codec);
      const ends = [...new Set((await read(content)).map(({ position }) => position))];
      for (let at = 0; at < content.length; at++) {
        const cut = await read(content.subarray(0, at)).catch(() => undefined);
        if (at >= length) {
          const whole = ends.filter((end) => end > length && end <= at).length;
          expect(valuesOf(cut ?? []), `cut at ${at}`).toEqual(records.slice(0, 2 * whole));
        } else expect(cut).toBeUndefined();
        for (const bit of [1, 0x40, 0x80]) {
          const damaged = Buffer.from(content);
          damaged[at] = (damaged[at] as number) ^ bit;
          const result = await read(damaged).catch((error: unknown) => {
            expect(at, String(error)).toBeLessThan(length);
            return [];
          });
          if (at < length) continue;
          // A block is lost, and with a damaged marker the one behind it too.
          const values = valuesOf(result);
          const lost = ends.slice(1).findIndex((end) => at < end);
          for (const [i, record] of records.entries()) {
            const its = Math.floor(i / 2);
            if (its < lost || its > lost + 1) expect(values, `bit at ${at}`).toContainEqual(record);
          }
        }
      }
    }
  });
});
