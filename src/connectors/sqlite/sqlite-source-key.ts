import { quoteIdentifier } from "../../sql/identifier.js";
import {
  keyIsNull,
  keyNotUnique,
  noSuchColumn,
  type SqlKey,
  type SqlRelation,
} from "../../sql/source/index.js";
import type { SqliteDatabase } from "./sqlite-driver.js";

/** The key in SQL, and whether it may be null. */
export interface SqliteKey {
  /** Each column with the collation in which the key is unique. */
  readonly terms: readonly string[];
  /** No term says its collation. */
  readonly isPlain: boolean;
  readonly isNullable: boolean;
}

interface IndexColumn {
  readonly name: string | null;
  readonly coll: string;
}

interface UniqueIndex {
  readonly name: string;
  readonly columns: readonly IndexColumn[];
}

interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
  /** Its place in the primary key, from 1; 0: not in it. */
  readonly pk: number;
}

/** The names that mean the number of a row, where no column has that name. */
const ROWID = new Set(["rowid", "_rowid_", "oid"]);

/**
 * How the table's key is compared. A collation may hold two texts for equal that an index holds for
 * different ones, so rows are read in the order of the index that makes the key unique. Throws
 * OPTION_INVALID when there is none.
 */
export function sqliteKey(
  database: SqliteDatabase,
  name: string,
  relation: SqlRelation,
  present: readonly string[],
): SqliteKey {
  const { table, key, assumeUnique } = relation;
  for (const column of key) {
    const isColumn = present.includes(column) || (table !== undefined && ROWID.has(column));
    if (!isColumn) throw noSuchColumn("sqliteSource", name, column, present);
  }
  const plain = key.map(quoteIdentifier);
  const binary = key.map((name) => `${quoteIdentifier(name)} COLLATE BINARY`);
  if (table === undefined) return { terms: binary, isPlain: false, isNullable: true };
  const columns = tableColumns(database, table);
  const rowid = rowidAlias(database, table, columns);
  const isRowid = (column: string): boolean =>
    column === rowid || (ROWID.has(column) && !present.includes(column));
  if (key.length === 1 && key.some(isRowid)) {
    return { terms: plain, isPlain: true, isNullable: false };
  }
  const isNullable = !key.every(
    (name) => isRowid(name) || columns.some((column) => column.name === name && !column.isNullable),
  );
  const index = uniqueIndexes(database, table).find(({ columns: indexed }) =>
    indexed.every(({ name }) => name !== null && key.includes(name)),
  );
  if (index !== undefined) {
    if (isInColumnsOrder(database, table, index))
      return { terms: plain, isPlain: true, isNullable };
    const terms = key.map((name) => {
      const collation = index.columns.find((column) => column.name === name)?.coll ?? "BINARY";
      return `${quoteIdentifier(name)} COLLATE ${quoteIdentifier(collation)}`;
    });
    return { terms, isPlain: false, isNullable };
  }
  if (key.some(isRowid) || assumeUnique) return { terms: binary, isPlain: false, isNullable };
  throw keyNotUnique("sqliteSource", name);
}

/** Throws OPTION_INVALID when a wanted row has no key. */
export function refuseNullKeys(
  database: SqliteDatabase,
  name: string,
  from: string,
  relation: SqlRelation,
): void {
  const { key, where, parameters } = relation;
  const isNull = key.map((column) => `${quoteIdentifier(column)} IS NULL`).join(" OR ");
  const condition = where === undefined ? `(${isNull})` : `(${where}\n) AND (${isNull})`;
  const sql = `SELECT 1 FROM ${from} WHERE ${condition} LIMIT 1`;
  if (database.prepare(sql).get(...parameters) !== undefined) throw keyIsNull("sqliteSource", name);
}

/** Integers, reals, texts and blobs are different keys, and a checkpoint tells them apart. */
export function encodeKeyValue(value: unknown): string {
  if (typeof value === "bigint") return `i${value}`;
  if (typeof value === "number") return `r${value}`;
  if (typeof value === "string") return `t${value}`;
  return `b${Buffer.from(value as Uint8Array).toString("base64")}`;
}

/** The values of a key as SQLite takes them. */
export function decodeKey(key: SqlKey): readonly unknown[] {
  return key.map((text) => {
    const value = text.slice(1);
    if (text.startsWith("i")) return BigInt(value);
    if (text.startsWith("r")) return Number(value);
    if (text.startsWith("t")) return value;
    return Buffer.from(value, "base64");
  });
}

function tableColumns(database: SqliteDatabase, table: string): readonly TableColumn[] {
  const rows = database
    .prepare<unknown[], { name: string; type: string; notnull: number; pk: number }>(
      'SELECT name, type, "notnull", pk FROM pragma_table_info(?)',
    )
    .all(table);
  return rows.map(({ name, type, notnull, pk }) => ({ name, type, isNullable: notnull === 0, pk }));
}

/** The one column that is the row's number by another name; then no index holds the primary key. */
function rowidAlias(
  database: SqliteDatabase,
  table: string,
  columns: readonly TableColumn[],
): string | undefined {
  const [column, ...others] = columns.filter(({ pk }) => pk > 0);
  if (others.length > 0 || column?.type.toUpperCase() !== "INTEGER") return undefined;
  const index = database
    .prepare("SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'")
    .get(table);
  return index === undefined ? column.name : undefined;
}

function uniqueIndexes(database: SqliteDatabase, table: string): readonly UniqueIndex[] {
  const indexes = database
    .prepare<unknown[], { name: string }>(
      'SELECT name FROM pragma_index_list(?) WHERE "unique" = 1 AND partial = 0 ORDER BY seq',
    )
    .all(table);
  const columns = database.prepare<unknown[], IndexColumn>(
    'SELECT name, coll FROM pragma_index_xinfo(?) WHERE "key" = 1 ORDER BY seqno',
  );
  return indexes.map(({ name }) => ({ name, columns: columns.all(name) }));
}

/**
 * Whether the index has the collations of its columns: nothing else in SQLite tells these. Then the
 * names alone will do, and only so a key of several columns is looked up in the index.
 */
function isInColumnsOrder(
  database: SqliteDatabase,
  table: string,
  { name, columns }: UniqueIndex,
): boolean {
  const order = columns.map((column) => quoteIdentifier(column.name ?? "")).join(", ");
  const plan = database
    .prepare<unknown[], { detail: string }>(
      `EXPLAIN QUERY PLAN SELECT 1 FROM ${quoteIdentifier(table)} INDEXED BY ${quoteIdentifier(name)} ORDER BY ${order}`,
    )
    .all();
  return !plan.some(({ detail }) => detail.includes("TEMP B-TREE"));
}
