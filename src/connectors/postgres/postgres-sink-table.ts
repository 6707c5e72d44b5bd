import { quoteIdentifier } from "../../sql/identifier.js";
import { onConflictUpdate } from "../../sql/sink/database-sink-options.js";
import { sinkRefused } from "../../sql/sink/sql-sink-error.js";
import { loadPostgresCopy } from "./postgres-sink-copy.js";
import { statementFailed } from "./postgres-sink-errors.js";
import type { PostgresSession, PostgresTable } from "./postgres-sink-session.js";
import type { PostgresColumn } from "./postgres-sink-values.js";

/** What a statement can have at most. */
export const MAX_PARAMETERS = 65_535;
/** Of the lock under which tables are created: two `CREATE TABLE IF NOT EXISTS` at a time can fail. */
const CREATE_LOCK = 4_071_733_521;

/** The table as the options name it. */
export function postgresTable(options: {
  readonly schema?: string | undefined;
  readonly table: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly mode: "insert" | "upsert";
  readonly method: "copy" | "insert";
}): PostgresTable {
  const { schema, table, columns, key, mode, method } = options;
  return {
    name:
      schema === undefined
        ? quoteIdentifier(table)
        : `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`,
    columns,
    method,
    onConflict: mode === "upsert" ? onConflictUpdate(columns, key) : "",
  };
}

/** Creates the table if asked to, and looks its columns up; throws SINK_FAILED for what is missing. */
export async function openTable(
  owner: string,
  session: PostgresSession,
  table: PostgresTable,
  createTable: string | undefined,
): Promise<readonly PostgresColumn[]> {
  try {
    if (table.method === "copy") await loadPostgresCopy();
    if (createTable !== undefined) {
      await session.query("BEGIN");
      await session.query(`SELECT pg_advisory_xact_lock(${CREATE_LOCK})`);
      await session.query(createTable);
      await session.query("COMMIT");
    }
    const found = await session.query<PostgresColumn>(
      `SELECT a.attname AS name, t.typcategory = 'A' AS "isArray"
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
       WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`,
      [table.name],
    );
    const columns = columnsOf(owner, table, found);
    // The server checks rights and the key's constraint, and writes nothing.
    const nulls = table.columns.map(() => "NULL").join(", ");
    const names = table.columns.map(quoteIdentifier).join(", ");
    await session.query(
      `EXPLAIN INSERT INTO ${table.name} (${names}) VALUES (${nulls})${table.onConflict}`,
    );
    return columns;
  } catch (error) {
    throw statementFailed(owner, "open the table", error);
  }
}

function columnsOf(
  owner: string,
  { name, columns }: PostgresTable,
  found: readonly PostgresColumn[],
): readonly PostgresColumn[] {
  if (found.length === 0) {
    throw sinkRefused(
      owner,
      `cannot find the table ${name}`,
      "Create it, give its schema, or set createTable.",
    );
  }
  const byName = new Map(found.map((column) => [column.name, column]));
  return columns.map((column) => {
    const one = byName.get(column);
    if (one !== undefined) return one;
    throw sinkRefused(
      owner,
      `cannot find column ${column} in ${name}`,
      `The table's columns are ${found.map((other) => other.name).join(", ")}.`,
    );
  });
}
