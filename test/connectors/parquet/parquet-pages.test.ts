import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PageCursor } from "../../../src/connectors/parquet/page-cursor.js";
import { checkDeltas, checkRuns } from "../../../src/connectors/parquet/page-runs.js";
import { loadParquetDriver } from "../../../src/connectors/parquet/parquet-driver.js";
import { readAll } from "../source-run.js";
import {
  read,
  readDirty,
  SMALL_COLUMNS,
  sourceOf,
  startRun,
  toFile,
  toRecords,
} from "./parquet-files.js";
import { type Codec, type WrittenColumn, writeParquet } from "./parquet-writer.js";

const CODECS: readonly Codec[] = ["UNCOMPRESSED", "SNAPPY", "GZIP"];
const ROWS = 1000;
const ids: WrittenColumn = {
  name: "id",
  type: "INT64",
  values: Array.from({ length: 3 * ROWS }, (_, i) => i),
};
/** 2^30 values in one run, of the value 0. */
const ENDLESS_RUN = [0x80, 0x80, 0x80, 0x80, 0x08, 0];

/** A column that is damaged in the second row group of three. */
function damagedOnce(column: WrittenColumn): WrittenColumn {
  let pages = 0;
  const { damage } = column;
  return {
    ...column,
    damage: (content) => (pages++ === 1 ? (damage?.(content) ?? content) : content),
  };
}

describe("the pages of a Parquet file", () => {
  it.each(CODECS)("give the same rows, and go on from every one of them (%s)", async (codec) => {
    const file = writeParquet({
      columns: SMALL_COLUMNS,
      rowGroups: [13, 20, 7],
      pageRows: 6,
      codec,
    });
    const path = toFile(file);
    const expected = toRecords(SMALL_COLUMNS);
    const options = { assignment: "on-request" } as const;
    expect(await read(path)).toEqual(expected);
    for (let taken = 0; taken <= expected.length; taken++) {
      const run = startRun(path, options);
      const before = await run.take(taken);
      const restore = run.checkpoint();
      await run.close();
      const after = await readAll(sourceOf(path, options), { restore });
      expect([...before, ...after], `after ${taken} rows`).toEqual(expected);
    }
  });

  it.each(CODECS)("with a run beyond all bounds are one bad record (%s)", async (codec) => {
    const damaged: [string, WrittenColumn][] = [
      [
        "dictionary indices",
        {
          name: "c",
          type: "INT64",
          dictionary: true,
          values: ids.values.map(() => 5),
          damage: () => [1, ...ENDLESS_RUN],
        },
      ],
      [
        "definition levels",
        {
          name: "c",
          type: "INT64",
          optional: true,
          values: ids.values,
          damage: ([, , , , ...rest]) => [6, 0, 0, 0, ...ENDLESS_RUN, ...rest.slice(6)],
        },
      ],
    ];
    for (const [what, column] of damaged) {
      const columns = [ids, damagedOnce(column)];
      const path = toFile(writeParquet({ columns, rowGroups: [ROWS, ROWS, ROWS], codec }));
      const { rows, bad, left } = await readDirty(path, { assignment: "on-request" });
      expect(rows.map(({ id }) => id)).toEqual(
        ids.values.filter((id) => (id as number) < ROWS || (id as number) >= 2 * ROWS),
      );
      expect(left).toBe(0);
      expect(bad, what).toMatchObject([
        {
          splitId: `${path}#1`,
          position: 0,
          error: {
            code: "FILE_CORRUPT",
            message: expect.stringMatching(/row group 1, column c: .*a run of 1073741824 values/),
          },
        },
      ]);
    }
  });

  it("that claim more values than the footer are a bad record", async () => {
    for (const claims of [-1, 8, 30_000_000, 2 ** 31 - 1]) {
      const columns = [{ ...ids, values: [1, 2, 3, 4, 5, 6, 7], claims }];
      const { rows, bad } = await readDirty(toFile(writeParquet({ columns, rowGroups: [7] })));
      expect(rows).toEqual([]);
      expect(bad.map(({ error }) => (error as Error).message)).toEqual([
        expect.stringContaining(`a page claims ${claims} values`),
      ]);
    }
  });

  it("that are damaged take no row of another row group with them", async () => {
    const { parquetMetadata } = await loadParquetDriver();
    for (const codec of CODECS) {
      const file = writeParquet({
        columns: SMALL_COLUMNS,
        rowGroups: [13, 20, 7],
        pageRows: 6,
        codec,
      });
      const length = new DataView(file.buffer).getUint32(file.length - 8, true);
      const { row_groups } = parquetMetadata(file.subarray(file.length - 8 - length));
      const starts = row_groups.map(({ columns: [first] }) => {
        const { dictionary_page_offset, data_page_offset } = first?.meta_data ?? {};
        return Number(dictionary_page_offset ?? data_page_offset);
      });
      const [, from = 0, to = 0] = starts;
      const whole = toRecords(SMALL_COLUMNS).filter((_, i) => i < 13 || i >= 33);
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: from, max: to - 1 }),
          fc.uint8Array({ minLength: 1, maxLength: 40 }),
          async (at, bytes) => {
            const damaged = Uint8Array.from(file);
            damaged.set(bytes.subarray(0, to - at), at);
            const path = toFile(damaged, "damaged");
            const { rows, bad, left } = await readDirty(path, { assignment: "on-request" });
            expect(left).toBe(0);
            expect([...rows.slice(0, 13), ...rows.slice(-7)]).toEqual(whole);
            expect(bad.every(({ splitId }) => splitId === `${path}#1`)).toBe(true);
          },
        ),
        { numRuns: 150 },
      );
    }
  });
});

describe("nested columns", () => {
  const group = "point";
  const columns: WrittenColumn[] = [
    { name: "id", type: "INT64", values: [1, 2, 3] },
    { name: "x", type: "INT64", group, values: [10, 2n ** 60n, 30] },
    {
      name: "y",
      type: "BYTE_ARRAY",
      convertedType: "UTF8",
      optional: true,
      group,
      values: ["a", "b", null],
    },
    { name: "z", type: "INT32", repeated: true, group, values: [[1, 2], [], [3]] },
  ];

  it("are objects and lists, with a bad record for a row with an unsafe integer in one", async () => {
    for (const codec of CODECS) {
      const path = toFile(writeParquet({ columns, rowGroups: [2, 1], codec }));
      const { rows, bad } = await readDirty(path);
      expect(rows).toEqual([
        { id: 1, point: { x: 10, y: "a", z: [1, 2] } },
        { id: 3, point: { x: 30, y: null, z: [3] } },
      ]);
      expect(bad).toMatchObject([{ splitId: `${path}#0`, position: 1 }]);
      expect(await read(path, { columns: ["point"], int64: "bigint" })).toMatchObject([
        { point: { x: 10n } },
        { point: { x: 2n ** 60n } },
        { point: { x: 30n } },
      ]);
    }
  });

  it("may be nested deeply", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `g${i}`);
    const deep = [{ name: "v", type: "INT64" as const, group: names.join("."), values: [1, 2] }];
    const rows = await read(toFile(writeParquet({ columns: deep, rowGroups: [2] })));
    const values = rows.map((row) => {
      let value: unknown = row;
      for (const name of [...names, "v"]) value = (value as Record<string, unknown>)[name];
      return value;
    });
    expect(values).toEqual([1, 2]);
  });

  it("nested beyond what the stack holds are an error of the file", async () => {
    const group = Array.from({ length: 20_000 }, () => "g").join(".");
    const deep = [{ name: "v", type: "INT64" as const, group, values: [1, 2] }];
    const path = toFile(writeParquet({ columns: deep, rowGroups: [2] }));
    await expect(readDirty(path)).rejects.toMatchObject({ code: "FILE_CORRUPT" });
  });

  it("keep a value of a megabyte", async () => {
    const values = ["ä".repeat(500_000), "b"];
    const big = [
      { name: "t", type: "BYTE_ARRAY" as const, convertedType: "UTF8" as const, values },
    ];
    const path = toFile(writeParquet({ columns: big, rowGroups: [1, 1] }));
    expect(await read(path)).toEqual(values.map((t) => ({ t })));
  });
});

describe("files of different schemas", () => {
  const one = toFile(writeParquet({ columns: [{ ...ids, values: [1, 2] }], rowGroups: [2] }));
  const other = toFile(
    writeParquet({
      columns: [
        { name: "id", type: "BYTE_ARRAY", convertedType: "UTF8", values: ["three"] },
        { name: "extra", type: "BOOLEAN", values: [true] },
      ],
      rowGroups: [1],
    }),
  );

  it("give each its own columns", async () => {
    expect(await readAll(sourceOf("", { path: [one, other] }))).toEqual([
      { id: 1 },
      { id: 2 },
      { id: "three", extra: true },
    ]);
  });

  it("need the wanted columns in each, and name the file without one", async () => {
    const wanted = { path: [one, other], columns: ["extra"] };
    await expect(readAll(sourceOf("", wanted))).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(one),
    });
  });
});

describe("checkRuns and checkDeltas", () => {
  const cursor = (...bytes: number[]) => new PageCursor(Uint8Array.from(bytes));

  it("count what they are asked for", () => {
    // Three ones in a run, then eight bits: two ones.
    const runs = () => cursor(6, 1, 3, 0b0000_0101);
    expect(checkRuns(runs(), 1, 11, 1)).toBe(5);
    expect(checkRuns(runs(), 1, 11, 0)).toBe(6);
    expect(checkRuns(runs(), 1, 4, 1)).toBe(4);
  });

  it("take packed values without bits, as a dictionary of one value has them", () => {
    expect(checkRuns(cursor(3), 0, 5)).toBe(0);
  });

  it("refuse endless packed values without bits, and numbers without end", () => {
    const most = [0xff, 0xff, 0xff, 0xff, 0x0f];
    expect(() => checkRuns(cursor(...most, 0), 0, 5)).toThrow(/a run of/);
    expect(() => checkRuns(cursor(...most, 0), 1, 5)).toThrow(/a run of/);
    const long = new Array<number>(1000).fill(0xff);
    expect(() => checkRuns(cursor(...long), 1, 5)).toThrow(/too many bytes/);
    expect(() => checkDeltas(cursor(8, 1, 5, ...long), 5)).toThrow(/too many bytes/);
  });

  it("refuse blocks of deltas that lead backwards or nowhere", () => {
    const negative = [0x80, 0x80, 0x80, 0x80, 0x0f];
    expect(() => checkDeltas(cursor(...negative, 1, 5, 0, 0, 0), 5)).toThrow(/in 1 parts/);
    expect(() => checkDeltas(cursor(8, 0, 5, 0, 0, 0), 5)).toThrow(/in 0 parts/);
    const blocks = cursor(8, 1, 9, 0, 0, 1, 0xff, 0, 0, 7);
    checkDeltas(blocks, 9);
    expect(blocks.offset).toBe(7);
  });
});
