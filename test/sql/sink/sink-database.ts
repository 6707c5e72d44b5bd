import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Sink } from "../../../src/api/sink.js";
import { postgresSink } from "../../../src/connectors/postgres/postgres-sink.js";
import { sqliteSink } from "../../../src/connectors/sqlite/sqlite-sink.js";
import type { PostgresServer } from "../../support/postgres-server.js";

export interface Row {
  readonly n: number;
  readonly pad: string;
}

/** Rows of differing length. */
export const rowOf = (n: number): Row => ({ n, pad: "x".repeat(n % 50) });

/** What every test's sink takes beside its database. */
export interface TestSinkOptions {
  readonly delivery?: "at-least-once" | "exactly-once";
  readonly mode?: "insert" | "upsert";
  readonly method?: "copy" | "insert";
  readonly maxBatchRows?: number;
  /** Whether the table has a primary key; default false, so that a row may be there twice. */
  readonly unique?: boolean;
}

/** A new table in a real database, and what another session sees in it. */
export interface SinkDatabase {
  readonly name: string;
  sink(options: TestSinkOptions): Sink<Row>;
  rows(): Promise<readonly Row[]>;
  /** Transactions that are neither committed nor rolled back. */
  lingering(): Promise<number>;
  remove(): Promise<void>;
}

const createTable = (name: string, unique: boolean): string =>
  `CREATE TABLE IF NOT EXISTS ${name} (n INTEGER${unique ? " PRIMARY KEY" : ""}, pad TEXT)`;

export function sqliteDatabase(): SinkDatabase {
  const folder = mkdtempSync(join(tmpdir(), "headwater-sqlite-"));
  const path = join(folder, "sink.db");
  const ask = <R>(sql: string): R[] => {
    const database = new Database(path);
    try {
      return database.prepare(sql).all() as R[];
    } catch (error) {
      if (/no such table/.test(String(error))) return [];
      throw error;
    } finally {
      database.close();
    }
  };
  return {
    name: path,
    sink: ({ method: _, unique = false, ...options }) =>
      sqliteSink<Row>({
        path,
        // A crash of the machine is not tried here.
        sync: false,
        table: "numbers",
        columns: ["n", "pad"],
        createTable: createTable("numbers", unique),
        ...(options.mode === "upsert" && { key: "n" }),
        ...options,
      }),
    rows: async () => ask<Row>("SELECT n, pad FROM numbers"),
    lingering: async () =>
      ask("SELECT id FROM headwater_transactions WHERE state = 'STAGED'").length +
      ask("SELECT batch FROM headwater_staged").length,
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

let tables = 0;

export function postgresDatabase(server: PostgresServer): SinkDatabase {
  const table = `numbers_${tables++}`;
  const { connection } = server;
  return {
    name: table,
    sink: ({ unique = false, ...options }) =>
      postgresSink<Row>({
        connection,
        table,
        columns: ["n", "pad"],
        createTable: createTable(table, unique),
        ...(options.mode === "upsert" && { key: "n" }),
        ...options,
      }),
    async rows() {
      const [made] = await server.query<{ oid: unknown }>(`SELECT to_regclass('${table}') AS oid`);
      return made?.oid == null ? [] : server.query<Row>(`SELECT n, pad FROM ${table}`);
    },
    lingering: async () => (await server.query("SELECT gid FROM pg_prepared_xacts")).length,
    remove: async () => void (await server.query(`DROP TABLE IF EXISTS ${table}`)),
  };
}

/** Looks at the table as anybody does: rows are whole, each is there once, and none goes away. */
export class TableReader {
  readonly #database: SinkDatabase;
  #seen = new Set<number>();
  looks = 0;

  constructor(database: SinkDatabase) {
    this.#database = database;
  }

  async look(): Promise<void> {
    const now = new Set<number>();
    for (const { n, pad } of await this.#database.rows()) {
      if (now.has(n)) throw new Error(`${n} is there twice`);
      if (pad !== "x".repeat(n % 50)) throw new Error(`${n} is not whole`);
      now.add(n);
    }
    for (const n of this.#seen) if (!now.has(n)) throw new Error(`${n} has gone away`);
    this.#seen = now;
    this.looks++;
  }

  get numbers(): readonly number[] {
    return [...this.#seen].sort((a, b) => a - b);
  }
}
