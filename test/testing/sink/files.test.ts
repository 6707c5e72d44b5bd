import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import type { Sink } from "../../../src/api/index.js";
import { csvSink } from "../../../src/connectors/csv/index.js";
import { parquetSink } from "../../../src/connectors/parquet/index.js";
import { ndjsonSink, textSink } from "../../../src/index.js";
import { testSink } from "../../../src/testing/index.js";

interface Row {
  readonly id: number;
}

type Delivery = "exactly-once" | "at-least-once";

/** How a kind of files is written and read. */
interface Kind {
  readonly name: string;
  sink(path: string, delivery: Delivery): Sink<Row>;
  read(file: Buffer): readonly Row[] | Promise<readonly Row[]>;
}

const linesOf = (file: Buffer): string[] => file.toString().split("\n").filter(Boolean);
const toRow = (id: string): Row => ({ id: Number(id) });

const KINDS: readonly Kind[] = [
  {
    name: "textSink",
    sink: (path, delivery) =>
      textSink<Row>({ path, delivery, sync: false, format: ({ id }) => String(id) }),
    read: (file) => linesOf(file).map(toRow),
  },
  {
    name: "ndjsonSink",
    sink: (path, delivery) => ndjsonSink<Row>({ path, delivery, sync: false }),
    read: (file) => linesOf(file).map((line) => JSON.parse(line)),
  },
  {
    name: "csvSink",
    sink: (path, delivery) => csvSink<Row>({ path, delivery, sync: false, columns: ["id"] }),
    read: (file) =>
      linesOf(file)
        .filter((line) => line !== "id")
        .map(toRow),
  },
  {
    name: "parquetSink",
    sink: (path, delivery) =>
      parquetSink<Row>({ path, delivery, sync: false, columns: { id: "int32" } }),
    read: async (file) =>
      (await parquetReadObjects({ file: new Uint8Array(file).buffer })) as unknown as Row[],
  },
];

/** A folder that is read as everybody reads it: without the files whose names begin with a dot. */
function folderOf(kind: Kind) {
  const folder = mkdtempSync(join(tmpdir(), "headwater-suite-"));
  const path = join(folder, "out");
  return {
    path,
    visible: async () => {
      const names = readdirSync(folder).includes("out") ? readdirSync(path) : [];
      const files = names.filter((name) => !name.startsWith("."));
      const rows = files.map((name) => kind.read(readFileSync(join(path, name))));
      return (await Promise.all(rows)).flat();
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

for (const kind of KINDS) {
  for (const delivery of ["exactly-once", "at-least-once"] as const) {
    testSink(`${kind.name}, ${delivery}`, {
      delivery,
      record: (id): Row => ({ id }),
      lacks: { backPressure: "a disk always takes something" },
      externalSystem: { create: () => folderOf(kind) },
      sink: ({ path }) => kind.sink(path, delivery),
    });
  }
}
