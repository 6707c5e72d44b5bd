import { quoteIdentifier } from "../../sql/identifier.js";
import { onConflictUpdate } from "../../sql/sink/database-sink-options.js";
import { sinkRefused } from "../../sql/sink/sql-sink-error.js";
import type { SqliteDatabase } from "./sqlite-driver.js";
import { openSqlite } from "./sqlite-driver.js";
import { isRowRefused, RowRefused } from "./sqlite-sink-errors.js";
import type { SqliteValue } from "./sqlite-sink-values.js";

/** Which table rows go to, and how. */
export interface SqliteTable {
  readonly path: string;
  readonly sync: boolean;
  readonly name: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly mode: "insert" | "upsert";
}

export type SqliteRows = readonly (readonly SqliteValue[])[];

/** Opens the file for writing. With `sync` what is committed is on disk, also in WAL mode. */
export async function openForWriting({
  path,
  sync,
}: Pick<SqliteTable, "path" | "sync">): Promise<SqliteDatabase> {
  const database = await openSqlite({ connector: "sqliteSink", path, readonly: false });
  database.pragma(`synchronous = ${sync ? "FULL" : "OFF"}`);
  return database;
}

/** Creates the table if asked to, and checks its columns; throws SINK_FAILED for what is missing. */
export function checkTable(
  owner: string,
  database: SqliteDatabase,
  { name, columns }: SqliteTable,
  createTable: string | undefined,
): void {
  if (createTable !== undefined) database.exec(createTable);
  const found = database
    .prepare("SELECT name FROM pragma_table_xinfo(?)")
    .pluck()
    .all(name) as string[];
  if (found.length === 0) {
    throw sinkRefused(owner, "cannot find the table", "Create it, or set createTable.");
  }
  const known = new Set(found.map((column) => column.toLowerCase()));
  for (const column of columns) {
    if (known.has(column.toLowerCase())) continue;
    throw sinkRefused(
      owner,
      `cannot find column ${column}`,
      `The table's columns are ${found.join(", ")}.`,
    );
  }
}

/** A function that writes rows within a transaction; throws RowRefused. */
export function rowWriter(
  database: SqliteDatabase,
  { name, key, mode }: SqliteTable,
  columns: readonly string[],
): (rows: SqliteRows) => void {
  const statement = database.prepare(
    `INSERT INTO ${quoteIdentifier(name)} (${columns.map(quoteIdentifier).join(", ")}) VALUES (${columns.map(() => "?").join(", ")})${mode === "upsert" ? onConflictUpdate(columns, key) : ""}`,
  );
  return (rows) => {
    for (let i = 0; i < rows.length; i++) {
      try {
        statement.run(rows[i]);
      } catch (error) {
        throw isRowRefused(error) ? new RowRefused(i, error) : error;
      }
    }
  };
}

/** Runs it in one transaction, which has the write lock from its beginning. */
export function inTransaction<R>(database: SqliteDatabase, work: () => R): R {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.inTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
