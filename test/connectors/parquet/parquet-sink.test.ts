import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as zlib from "node:zlib";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type ParquetColumn,
  type ParquetSinkOptions,
  parquetSink,
  parquetSource,
} from "../../../src/connectors/parquet/index.js";
import {
  loadParquetSinkDriver,
  sinkDriverMissing,
} from "../../../src/connectors/parquet/parquet-sink-driver.js";
import { openFilesBelow } from "../../files/sink/open-files.js";
import {
  namesIn,
  noTimes,
  openWriter,
  sinkContext,
  sinkFolder,
  writeAll,
} from "../../files/sink/sink-folder.js";
import { readAll } from "../source-run.js";
import { pyarrowMissing, readWithPyarrow } from "./pyarrow.js";

/** Node has zstd from 22.15 on. */
const hasZstd = "zstdCompressSync" in zlib;
const CODECS = ["uncompressed", "snappy", "gzip", ...(hasZstd ? ["zstd" as const] : [])] as const;

const TYPES = {
  text: "string",
  small: "int32",
  large: "int64",
  ratio: "double",
  flag: "boolean",
  at: "timestamp",
  extra: "json",
  raw: "bytes",
} as const;
const COLUMNS: Record<string, ParquetColumn> = {
  ...TYPES,
  ...Object.fromEntries(
    Object.entries(TYPES).map(([name, type]) => [`${name}OrNull`, { type, nullable: true }]),
  ),
};

type Row = Record<string, unknown>;

function valuesOf(i: number): Row {
  return {
    text: `${i} é \u{1f6a2}`,
    small: ((i * 7919) % 2 ** 31) | 0,
    large: BigInt(i) * 4_611_686_018_427n - 2n ** 62n,
    ratio: i === 3 ? Number.NEGATIVE_INFINITY : i / 7,
    flag: i % 3 === 0,
    at: new Date(1_700_000_000_000 + i),
    extra: { list: [i, null, `"${i}"`], nested: { deep: true } },
    raw: Uint8Array.of(i % 256, 0, 255),
  };
}

function rowOf(i: number): Row {
  const values = valuesOf(i);
  const row: Row = { ...values };
  for (const [name, value] of Object.entries(values)) {
    row[`${name}OrNull`] = i % 4 === 1 ? null : value;
  }
  return row;
}

const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, i) => rowOf(i));
const sinkOf = (path: string, options: Partial<ParquetSinkOptions> = {}) =>
  parquetSink<Row>({ path, columns: COLUMNS, ...options });
const rowGroups = (path: string, name: string): number[] => {
  const { buffer } = Uint8Array.from(readFileSync(join(path, name)));
  return parquetMetadata(buffer).row_groups.map(({ num_rows }) => Number(num_rows));
};
const isFinished = (name: string): boolean => !name.startsWith(".");

describe.each(CODECS)("a file of parquetSink with the codec %s", (codec) => {
  it("gives parquetSource its records again, of every type, with and without nulls", async () => {
    const path = sinkFolder();
    const rows = rowsOf(1000);
    await writeAll(sinkOf(path, { codec, rowGroupSize: 300 }), rows.slice(0, 7), rows.slice(7));
    expect(rowGroups(path, "part-0-0.parquet")).toEqual([300, 300, 300, 100]);
    const read = await readAll(
      parquetSource<Row>({ path, int64: "bigint", batchSize: 1000, maxDecodedRowGroups: 1 }),
    );
    const byLarge = (a: Row, b: Row) => ((a.large as bigint) < (b.large as bigint) ? -1 : 1);
    expect(read.sort(byLarge)).toEqual(rows);
  });
});

describe("pyarrow, which is another implementation", () => {
  it("reads what parquetSink has written with every codec", { timeout: 180_000 }, ({ skip }) => {
    const missing = pyarrowMissing();
    skip(missing !== undefined, missing);
    return check();
    async function check() {
      for (const codec of CODECS) {
        const path = sinkFolder();
        const rows = rowsOf(500).map(({ large, largeOrNull, ratio, ratioOrNull, ...row }) => ({
          ...row,
          large: Number((large as bigint) / 4096n) + 1,
          largeOrNull: largeOrNull === null ? null : Number((largeOrNull as bigint) / 4096n) + 1,
          ratio: Number.isFinite(ratio) ? ratio : 0,
          ratioOrNull: ratioOrNull === Number.NEGATIVE_INFINITY ? 0 : ratioOrNull,
        }));
        await writeAll(sinkOf(path, { codec, rowGroupSize: 200 }), rows);
        const file = readWithPyarrow(join(path, "part-0-0.parquet"));
        expect(file.groups).toEqual([200, 200, 100]);
        expect(file.codecs).toEqual([codec.toUpperCase()]);
        expect(file.schema).toMatchObject({
          text: ["string", false],
          small: ["int32", false],
          large: ["int64", false],
          ratio: ["double", false],
          flag: ["bool", false],
          at: ["timestamp[ms, tz=UTC]", false],
          raw: ["binary", false],
          textOrNull: ["string", true],
        });
        expect(file.rows).toEqual(rows.map(asPlain));
      }
    }
  });

  function asPlain(row: Row): Row {
    const plain = (name: string, value: unknown): unknown => {
      if (value === null) return null;
      if (value instanceof Date) return value.getTime();
      if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
      return name.startsWith("extra") ? JSON.stringify(value) : value;
    };
    return Object.fromEntries(Object.entries(row).map(([name, v]) => [name, plain(name, v)]));
  }
});

describe("parquetSink", () => {
  it("writes any values as they are", async () => {
    const cell = fc.option(
      fc.record({
        text: fc.string({ unit: "grapheme" }),
        ratio: fc.double(),
        large: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        raw: fc.uint8Array({ maxLength: 20 }),
        flag: fc.boolean(),
      }),
    );
    const property = fc.asyncProperty(
      fc.array(cell, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(...CODECS),
      async (cells, rowGroupSize, codec) => {
        const path = sinkFolder();
        const types = {
          text: "string",
          ratio: "double",
          large: "int64",
          raw: "bytes",
          flag: "boolean",
        };
        const columns: Record<string, ParquetColumn> = { n: "int32" };
        for (const [name, type] of Object.entries(types)) {
          columns[name] = { type, nullable: true } as ParquetColumn;
        }
        const none = { text: null, ratio: null, large: null, raw: null, flag: null };
        const rows: Row[] = cells.map((one, n) => ({ n, ...(one ?? none) }));
        const sink = parquetSink<Row>({ path, columns, rowGroupSize, codec });
        await writeAll(sink, rows.slice(0, 11), rows.slice(11));
        const read = await readAll(parquetSource<Row>({ path, int64: "bigint" }));
        read.sort((a, b) => Number(a.n) - Number(b.n));
        expect(read).toEqual(rows);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  it("takes milliseconds for a timestamp, numbers for an int64, and nothing for a null", async () => {
    const path = sinkFolder();
    const columns = { at: "timestamp", n: "int64", s: { type: "string", nullable: true } } as const;
    await writeAll(parquetSink<Row>({ path, columns }), [{ at: 5, n: -7 }]);
    const rows = await readAll(parquetSource<Row>({ path }));
    expect(rows).toEqual([{ at: new Date(5), n: -7, s: null }]);
  });

  it("keeps bytes as they were when they came", async () => {
    const path = sinkFolder();
    const writer = await openWriter(parquetSink<Row>({ path, columns: { raw: "bytes" } }));
    const raw = Uint8Array.of(1, 2);
    await writer.write([{ raw }], noTimes([0]));
    raw.fill(9);
    await writer.flush(true);
    expect(await readAll(parquetSource<Row>({ path }))).toEqual([{ raw: Uint8Array.of(1, 2) }]);
  });

  it("ends a row group when its values take enough memory", async () => {
    const path = sinkFolder();
    const sink = parquetSink<Row>({ path, columns: { s: "string" }, rowGroupBytes: 1000 });
    await writeAll(
      sink,
      Array.from({ length: 10 }, () => ({ s: "x".repeat(300) })),
    );
    expect(rowGroups(path, "part-0-0.parquet")).toEqual([4, 4, 2]);
  });

  it("ends a file when it is large enough, and at each checkpoint", async () => {
    const path = sinkFolder();
    const options = { columns: { n: "int32" }, rowGroupSize: 1000, maxPartBytes: 9000 } as const;
    const writer = await openWriter(parquetSink<Row>({ path, ...options, codec: "uncompressed" }));
    const rows = Array.from({ length: 5000 }, (_, n) => ({ n: n * 1009 }));
    await writer.write(rows, noTimes(rows));
    expect(namesIn(path)).toEqual([".part-0-1.parquet.inprogress", "part-0-0.parquet"]);
    await writer.flush(false);
    await writer.flush(false);
    expect(namesIn(path)).toEqual(["part-0-0.parquet", "part-0-1.parquet"]);
    expect(rowGroups(path, "part-0-0.parquet")).toEqual([1000, 1000, 1000]);
    expect(rowGroups(path, "part-0-1.parquet")).toEqual([1000, 1000]);
    await writer.write(rows.slice(0, 1), noTimes([0]));
    await writer.close();
    expect(namesIn(path)).toHaveLength(2);
    expect(openFilesBelow(path)).toEqual([]);
  });

  it("gives other work its turn between two columns", async () => {
    const path = sinkFolder();
    const writer = await openWriter(sinkOf(path));
    const rows = rowsOf(200);
    await writer.write(rows, noTimes(rows));
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await writer.flush(false);
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(Object.keys(COLUMNS).length);
  });

  it("never overwrites a file, and takes the next number where one is there", async () => {
    const path = sinkFolder();
    const row = [{ n: 1 }];
    const sink = parquetSink<Row>({ path, columns: { n: "int32" } });
    const [one, other] = [await openWriter(sink), await openWriter(sink)];
    await Promise.all([one.write(row, noTimes(row)), other.write(row, noTimes(row))]);
    await Promise.all([one.flush(false), other.flush(false)]);
    await writeAll(sink, row);
    expect(namesIn(path)).toEqual(["part-0-0.parquet", "part-0-1.parquet", "part-0-2.parquet"]);
    expect(await readAll(parquetSource<Row>({ path }))).toHaveLength(3);
  });

  it("hides exactly-once files until they are committed", async () => {
    const path = sinkFolder();
    const sink = parquetSink<Row>({ path, columns: { n: "int32" }, delivery: "exactly-once" });
    const writer = await sink.createWriter(sinkContext());
    onTestFinished(() => writer.close?.());
    await writer.write([{ n: 1 }], noTimes([0]));
    await writer.flush?.(false);
    const parts = await writer.prepareCommit?.();
    expect(parts).toEqual([expect.objectContaining({ bytes: expect.any(Number) })]);
    expect(namesIn(path)).toHaveLength(1);
    expect(namesIn(path).filter(isFinished)).toEqual([]);
  });

  const nullable = { type: "string", nullable: true } as const;
  it.each([
    ["a null", { s: null }, { s: "string" }, 'column "s" has no value (null)'],
    ["a missing property", {}, { s: "string" }, 'column "s" has no value (undefined)'],
    ["a number for text", { s: 1 }, { s: nullable }, "takes a string, not a number"],
    ["text for a number", { d: "1" }, { d: "double" }, "takes a number, not a string"],
    ["a fraction", { i: 1.5 }, { i: "int32" }, "not a number with a fraction"],
    ["33 bits", { i: 2 ** 31 }, { i: "int32" }, "not a larger number"],
    ["NaN as int64", { i: Number.NaN }, { i: "int64" }, "not NaN"],
    ["65 bits", { i: 2n ** 63n }, { i: "int64" }, "not a larger bigint"],
    ["an unsafe integer", { i: 2 ** 53 }, { i: "int64" }, "safe integer, not a larger number"],
    ["an invalid Date", { t: new Date(Number.NaN) }, { t: "timestamp" }, "not an invalid Date"],
    ["a Date for text", { s: new Date(0) }, { s: "string" }, "not a Date"],
    ["a number for a boolean", { b: 1 }, { b: "boolean" }, "takes a boolean, not a number"],
    ["a function as JSON", { j: () => 1 }, { j: "json" }, "with JSON, not a function"],
    ["a bigint in JSON", { j: { n: 1n } }, { j: "json" }, "with JSON, not an object"],
    ["an array for bytes", { y: [1] }, { y: "bytes" }, "takes a Uint8Array, not an array"],
    ["a property that is no column", { s: "", t: 1 }, { s: "string" }, 'property "t"'],
    ["no object", 5, { s: "string" }, "it is no object"],
  ] as const)(
    "refuses %s with the record, the column and the kind of value",
    async (_, record, columns, text) => {
      const path = sinkFolder();
      const writer = await openWriter(parquetSink<object>({ path, columns }));
      const writing = async () => writer.write([record as object], noTimes([0]));
      await expect(writing()).rejects.toMatchObject({
        code: "SINK_FAILED",
        retry: "never",
        message: expect.stringMatching(/parquetSink in subtask 0 .* cannot write record 0 /),
        hint: expect.any(String),
      });
      await expect(writing()).rejects.toThrow(text);
    },
  );

  it.each([
    ["no columns", { columns: {} }],
    ["a wrong type", { columns: { a: "text" } }],
    ["a misspelt key of a column", { columns: { a: { type: "string", nullabel: true } } }],
    ["a wrong codec", { columns: { a: "string" }, codec: "lzo" }],
    ["a row group of no rows", { columns: { a: "string" }, rowGroupSize: 0 }],
    ["compression, which other sinks have", { columns: { a: "string" }, compression: "gzip" }],
  ])("refuses %s", (_, options) => {
    const wrong = { path: "out", ...options } as unknown as ParquetSinkOptions;
    expect(() => parquetSink(wrong)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  });
});

describe("the drivers of parquetSink", () => {
  it("are found, and compress with what the codec needs", async () => {
    for (const codec of CODECS) {
      const driver = await loadParquetSinkDriver(codec);
      expect(driver.ParquetWriter).toBeDefined();
      expect(driver.compress !== undefined).toBe(codec === "gzip" || codec === "zstd");
    }
  });

  it("are asked for with a command when they are missing", () => {
    const error = sinkDriverMissing(new Error("none"));
    expect(error.code).toBe("DRIVER_MISSING");
    expect(error.hint).toBe("Run: npm install hyparquet-writer@0.17");
  });

  it("have zstd where Node has it, and say so where it has not", async () => {
    const loading = loadParquetSinkDriver("zstd");
    if (hasZstd) expect((await loading).compress).toBeDefined();
    else await expect(loading).rejects.toMatchObject({ code: "UNSUPPORTED_OPERATION" });
  });
});
