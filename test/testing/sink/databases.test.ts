import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { postgresSink } from "../../../src/connectors/postgres/index.js";
import { sqliteSink } from "../../../src/connectors/sqlite/index.js";
import { testSink } from "../../../src/testing/index.js";
import { usePostgres } from "../../support/postgres-server.js";

interface Row {
  readonly id: number;
}

const record = (id: number): Row => ({ id });
const lacks = { backPressure: "the database always takes something" };
const table = { table: "t", columns: ["id"] };

function sqliteFile() {
  const folder = mkdtempSync(join(tmpdir(), "headwater-suite-"));
  const path = join(folder, "t.db");
  const database = new Database(path);
  database.exec("CREATE TABLE t (id INTEGER)");
  return {
    path,
    visible: () => database.prepare("SELECT id FROM t").all() as Row[],
    close: () => {
      database.close();
      rmSync(folder, { recursive: true });
    },
  };
}

for (const delivery of ["exactly-once", "at-least-once"] as const) {
  testSink(`sqliteSink, ${delivery}`, {
    delivery,
    record,
    lacks,
    externalSystem: { create: sqliteFile },
    sink: ({ path }) => sqliteSink<Row>({ ...table, path, delivery, sync: false }),
  });
}

const server = usePostgres();
let tables = 0;

async function postgresTable() {
  const name = `t${tables++}`;
  await server().query(`CREATE TABLE ${name} (id int)`);
  return { name, visible: () => server().query<Row>(`SELECT id FROM ${name}`) };
}

for (const delivery of ["exactly-once", "at-least-once"] as const) {
  testSink(`postgresSink, ${delivery}`, {
    delivery,
    record,
    lacks,
    externalSystem: { create: postgresTable },
    sink: ({ name }) =>
      postgresSink<Row>({
        ...table,
        table: name,
        delivery,
        connection: { ...server().connection },
      }),
  });
}
