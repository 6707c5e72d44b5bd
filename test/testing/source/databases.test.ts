import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { postgresSource } from "../../../src/connectors/postgres/index.js";
import { sqliteSource } from "../../../src/connectors/sqlite/index.js";
import { testSource } from "../../../src/testing/index.js";
import type { SystemNeed } from "../../../src/testing/source/tested-source.js";
import { usePostgres } from "../../support/postgres-server.js";
import { numbered } from "./numbered.js";

interface Row {
  readonly id: number;
}

function sqliteTable({ splits, records }: SystemNeed) {
  const folder = mkdtempSync(join(tmpdir(), "headwater-suite-"));
  const path = join(folder, "t.db");
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = OFF");
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY)");
  const insert = database.prepare("INSERT INTO t VALUES (?)");
  const rows: Row[] = [];
  const take = numbered();
  const add = database.transaction((count: number) => {
    for (const id of take(count)) {
      insert.run(id);
      rows.push({ id });
    }
  });
  add(splits * records);
  return {
    path,
    splits,
    expected: () => rows,
    write: (_split: number, count: number) => void add(count),
    addSplit: (count: number) => void add(count),
    close: () => {
      database.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const table = { table: "t", key: "id", fetchSize: 4 } as const;

testSource("sqliteSource", {
  externalSystem: { create: sqliteTable },
  source: ({ path, splits }) => sqliteSource<Row>({ ...table, path, splits }),
});

testSource("sqliteSource of a table that grows", {
  unbounded: true,
  externalSystem: { create: sqliteTable },
  source: ({ path }) =>
    sqliteSource<Row>({ ...table, path, mode: "incrementing", splitSize: 5, pollInterval: 5 }),
});

const server = usePostgres();
let tables = 0;

testSource("postgresSource", {
  externalSystem: {
    create: async ({ splits, records }: SystemNeed) => {
      const name = `t${tables++}`;
      const rows = numbered()(splits * records).map((id) => ({ id }));
      await server().query(`CREATE TABLE ${name} (id int PRIMARY KEY)`);
      await server().query(`INSERT INTO ${name} SELECT generate_series(0, ${rows.length - 1})`);
      return { name, splits, expected: () => rows };
    },
  },
  source: ({ name, splits }) =>
    postgresSource<Row>({
      ...table,
      table: name,
      splits,
      connection: { ...server().connection },
    }),
});
