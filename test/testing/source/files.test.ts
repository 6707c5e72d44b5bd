import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { AnySource } from "../../../src/api/index.js";
import { avroSource } from "../../../src/connectors/avro/index.js";
import { csvSource } from "../../../src/connectors/csv/index.js";
import { parquetSource } from "../../../src/connectors/parquet/index.js";
import { ndjsonSource, textSource } from "../../../src/index.js";
import { testSource } from "../../../src/testing/index.js";
import type { SystemNeed } from "../../../src/testing/source/tested-source.js";
import { container } from "../../connectors/avro/avro-files.js";
import { writeParquet } from "../../connectors/parquet/parquet-writer.js";
import { numbered } from "./numbered.js";

interface Row {
  readonly id: number;
}

/** How files of a kind are written and read. */
interface Kind<T> {
  readonly name: string;
  readonly extension: string;
  write(rows: readonly Row[]): string | Uint8Array;
  expected(row: Row): T;
  source(path: string): AnySource<T>;
}

const toRow = (row: Row): Row => row;
const ndjson = (rows: readonly Row[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");

const KINDS: readonly Kind<unknown>[] = [
  {
    name: "textSource",
    extension: "txt",
    write: (rows) => rows.map(({ id }) => `line ${id}\n`).join(""),
    expected: ({ id }) => `line ${id}`,
    source: (path) => textSource({ path }),
  },
  {
    name: "csvSource",
    extension: "csv",
    write: (rows) => `id\n${rows.map(({ id }) => `${id}\n`).join("")}`,
    expected: toRow,
    source: (path) => csvSource({ path, columns: { id: "integer" } }),
  },
  {
    name: "ndjsonSource",
    extension: "ndjson",
    write: ndjson,
    expected: toRow,
    source: (path) => ndjsonSource({ path }),
  },
  {
    name: "ndjsonSource of compressed files",
    extension: "ndjson.gz",
    write: (rows) => gzipSync(ndjson(rows)),
    expected: toRow,
    source: (path) => ndjsonSource({ path }),
  },
  {
    name: "avroSource",
    extension: "avro",
    write: (rows) => {
      const schema = { type: "record", name: "Row", fields: [{ name: "id", type: "long" }] };
      return container(schema, rows.length === 0 ? [] : [rows.slice(0, 2), rows.slice(2)]);
    },
    expected: toRow,
    source: (path) => avroSource({ path }),
  },
  {
    name: "parquetSource",
    extension: "parquet",
    write: (rows) =>
      writeParquet({
        columns: [{ name: "id", type: "INT64", values: rows.map(({ id }) => id) }],
        rowGroups: [rows.length],
        pageRows: 1000,
      }),
    expected: toRow,
    source: (path) => parquetSource({ path }),
  },
];

/** A folder with a file for each split. */
function folderOf<T>(kind: Kind<T>, { splits, records }: SystemNeed) {
  const folder = mkdtempSync(join(tmpdir(), "headwater-suite-"));
  const path = join(folder, "in");
  mkdirSync(path);
  const take = numbered();
  const expected: T[] = [];
  let files = 0;
  const addSplit = (count: number): void => {
    const rows = take(count).map((id) => ({ id }));
    writeFileSync(join(path, `${files++}.${kind.extension}`), kind.write(rows));
    expected.push(...rows.map((row) => kind.expected(row)));
  };
  for (let i = 0; i < splits; i++) addSplit(records);
  return {
    path,
    addSplit,
    expected: () => expected,
    close: () => rmSync(folder, { recursive: true }),
  };
}

for (const kind of KINDS) {
  testSource(kind.name, {
    records: 3,
    // Several of their batches.
    recordsWhilePaused: 12_000,
    externalSystem: { create: (need: SystemNeed) => folderOf(kind, need) },
    source: ({ path }) => kind.source(path),
  });
}
