import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { parquetSource } from "../../../src/connectors/parquet/index.js";
import { readAll, SourceRun } from "../source-run.js";
import { type WrittenColumn, writeParquet } from "./parquet-writer.js";

/** Three million flights in eleven row groups, compressed with zstd. */
export const FLIGHTS = fileURLToPath(
  new URL("../../../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url),
);

const folder = mkdtempSync(join(tmpdir(), "headwater-parquet-"));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes the bytes to a new file, or to the file of that name, and says its path. */
export function toFile(bytes: Uint8Array, name = `${files++}`): string {
  const path = join(folder, `${name}.parquet`);
  writeFileSync(path, bytes);
  return path;
}

/** A column of every kind that the writer knows, `rows` long, with a null in every seventh row. */
export function variedColumns(rows: number): readonly WrittenColumn[] {
  const each = <V>(make: (i: number) => V): V[] => Array.from({ length: rows }, (_, i) => make(i));
  const sometimes = <V>(make: (i: number) => V): (V | null)[] =>
    each((i) => (i % 7 === 3 ? null : make(i)));
  return [
    { name: "id", type: "INT64", values: each((i) => i) },
    { name: "small", type: "INT32", optional: true, values: sometimes((i) => 0 - i) },
    { name: "ratio", type: "DOUBLE", values: each((i) => i / 4) },
    { name: "flag", type: "BOOLEAN", optional: true, values: sometimes((i) => i % 2 === 0) },
    {
      name: "city",
      type: "BYTE_ARRAY",
      convertedType: "UTF8",
      optional: true,
      dictionary: true,
      values: sometimes((i) => ["Zürich", "Kyiv", ""][i % 3]),
    },
    { name: "same", type: "INT64", dictionary: true, values: each(() => 5) },
    { name: "__proto__", type: "INT32", values: each((i) => i) },
    { name: "tags", type: "INT32", repeated: true, values: each((i) => [...Array(i % 3).keys()]) },
  ];
}

/** The records that a reader has to make of columns. */
export function toRecords(columns: readonly WrittenColumn[]): unknown[] {
  return (columns[0]?.values ?? []).map((_, i) => {
    const record = {};
    for (const { name, values } of columns) {
      Object.defineProperty(record, name, {
        value: values[i],
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
    return record;
  });
}

export const SMALL_COLUMNS = variedColumns(40);
export const SMALL_FILE = writeParquet({
  columns: SMALL_COLUMNS,
  rowGroups: [13, 20, 7],
  pageRows: 6,
});

export type Options = Partial<Parameters<typeof parquetSource>[0]>;

export function sourceOf(path: string, options: Options = {}) {
  return parquetSource<Record<string, unknown>>({ path, ...options });
}

export function read(path: string, options: Options = {}): Promise<Record<string, unknown>[]> {
  return readAll(sourceOf(path, options));
}

/** What a reader gave and what it could not read, with the number of splits that did not end. */
export async function readDirty(path: string, options: Options = {}) {
  const run = startRun(path, options);
  try {
    const rows = await run.take();
    const left = run.subtasks.flatMap(({ reader }) => reader.snapshotState(1)).length;
    return { rows, bad: run.badRecords, left };
  } finally {
    await run.close();
  }
}

export function startRun(path: string, options: Options = {}, parallelism = 1) {
  return new SourceRun(sourceOf(path, options), { parallelism }).start();
}
