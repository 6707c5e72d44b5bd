import { stat } from "node:fs/promises";
import type BetterSqlite3 from "better-sqlite3";
import { quoteIdentifier } from "../../sql/identifier.js";
import {
  checkKeyText,
  type KeyRange,
  type SqlColumn,
  type SqlKey,
  type SqlPage,
  type SqlRelation,
  type SqlRow,
  type SqlTable,
  selectColumns,
} from "../../sql/source/index.js";
import { openSqlite, type SqliteDatabase, sqliteError } from "./sqlite-driver.js";
import {
  decodeKey,
  encodeKeyValue,
  refuseNullKeys,
  type SqliteKey,
  sqliteKey,
} from "./sqlite-source-key.js";

/** Which table, and how long locks are waited for. */
export interface SqliteTableOptions {
  readonly path: string;
  /** For errors. */
  readonly name: string;
  readonly relation: SqlRelation;
  /** Milliseconds. */
  readonly busyTimeout: number;
}

/** A call blocks the loop while it waits for a lock, so each try waits only this many milliseconds. */
const BUSY_TRY = 4;

/** Bytes of texts and blobs after which a page is full, so that reading one does not block for long. */
const PAGE_BYTES = 1 << 20;

const CONNECTOR = "sqliteSource";

type Statement = BetterSqlite3.Statement<unknown[], unknown[]>;

/** Opens the table; throws FILE_NOT_FOUND, FILE_CORRUPT, CONNECTION_FAILED and OPTION_INVALID. */
export async function openSqliteTable(options: SqliteTableOptions): Promise<SqlTable> {
  const { path, busyTimeout } = options;
  const opening = { connector: CONNECTOR, path, readonly: true, busyTimeout: BUSY_TRY };
  const database = await waitingForLock(path, busyTimeout, () => openSqlite(opening));
  try {
    return await waitingForLock(path, busyTimeout, () => new SqliteTable(database, options));
  } catch (cause) {
    database.close();
    throw sqliteError(named(path), `read ${options.name}`, cause);
  }
}

/**
 * Owns: one connection that reads only. Called by: the enumerator while it cuts, or one split reader.
 * Invariants: each call is short, as it blocks the process: a page ends after so many rows or bytes.
 */
class SqliteTable implements SqlTable {
  readonly #database: SqliteDatabase;
  readonly #options: SqliteTableOptions;
  readonly #from: string;
  readonly #key: SqliteKey;
  readonly #columns: readonly SqlColumn[];
  readonly #statements = new Map<string, Statement>();

  constructor(database: SqliteDatabase, options: SqliteTableOptions) {
    const { name, relation } = options;
    const { table, query, key } = relation;
    this.#database = database;
    this.#options = options;
    this.#from = table === undefined ? `(${query}\n)` : quoteIdentifier(table);
    const present = this.#statement(`SELECT * FROM ${this.#from} LIMIT 0`)
      .columns()
      .map((column) => column.name);
    const names = selectColumns(CONNECTOR, name, present, relation.columns);
    this.#key = sqliteKey(database, name, relation, present);
    // Refuses rowid where rows have none.
    this.#statement(`SELECT ${key.map(quoteIdentifier).join(", ")} FROM ${this.#from} LIMIT 0`);
    if (this.#key.isNullable) refuseNullKeys(database, name, this.#from, relation);
    const decode = relation.int64 === "bigint" ? undefined : toNumber;
    this.#columns = names.map((column) =>
      decode === undefined ? { name: column } : { name: column, decode },
    );
  }

  highest(): Promise<SqlKey | null> {
    const down = this.#key.terms.map((term) => `${term} DESC`).join(", ");
    const sql = `SELECT ${this.#keyNames()} FROM ${this.#from} WHERE ${this.#where()} ORDER BY ${down} LIMIT 1`;
    return this.#run("look for the highest key", () => {
      const row = this.#statement(sql).get(...this.#options.relation.parameters);
      return row === undefined ? null : this.#toKey(row);
    });
  }

  marks(range: KeyRange, rows: number, every: number): Promise<readonly SqlKey[]> {
    const names = this.#keyNames();
    const order = this.#key.terms.join(", ");
    const sql =
      `SELECT ${names} FROM (SELECT *, row_number() OVER (ORDER BY ${order}) AS "headwater row" ` +
      `FROM (SELECT ${names} FROM ${this.#from} WHERE ${this.#inRange(range)} ORDER BY ${order} LIMIT ?)) ` +
      `WHERE "headwater row" % ? = 0 ORDER BY "headwater row"`;
    const values = [...this.#valuesOf(range), BigInt(rows), BigInt(every)];
    return this.#run("look for marks", () =>
      this.#statement(sql)
        .all(...values)
        .map((row) => this.#toKey(row)),
    );
  }

  page(range: KeyRange): Promise<SqlPage> {
    const columns = this.#columns;
    const names = columns.map(({ name }) => quoteIdentifier(name));
    const sql =
      `SELECT ${[...names, this.#keyNames()].join(", ")} FROM ${this.#from} ` +
      `WHERE ${this.#inRange(range)} ORDER BY ${this.#key.terms.join(", ")}`;
    return this.#run("read rows", () => {
      const { fetchSize } = this.#options.relation;
      const rows: SqlRow[] = [];
      let bytes = 0;
      let isLast = true;
      for (const row of this.#statement(sql).iterate(...this.#valuesOf(range))) {
        rows.push(row);
        bytes += sizeOf(row);
        if (rows.length < fetchSize && bytes < PAGE_BYTES) continue;
        isLast = false;
        break;
      }
      const keyOf = (row: SqlRow): SqlKey => this.#toKey(row.slice(columns.length));
      return { columns, rows, isLast, keyOf };
    });
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #run<R>(doing: string, work: () => R): Promise<R> {
    const { path, name, busyTimeout } = this.#options;
    return waitingForLock(path, busyTimeout, work).catch((cause: unknown) => {
      throw sqliteError(named(path), `${doing} of ${name}`, cause);
    });
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare<unknown[], unknown[]>(sql);
    // A number would lose digits beyond 2^53 without a word.
    statement.raw(true).safeIntegers(true);
    this.#statements.set(sql, statement);
    return statement;
  }

  #keyNames(): string {
    return this.#options.relation.key.map(quoteIdentifier).join(", ");
  }

  #where(): string {
    const { where } = this.#options.relation;
    return where === undefined ? "TRUE" : `(${where}\n)`;
  }

  #inRange({ after }: KeyRange): string {
    const { terms } = this.#key;
    const [first] = terms;
    const key = terms.length === 1 ? first : `(${terms.join(", ")})`;
    const value = terms.length === 1 ? "?" : `(${terms.map(() => "?").join(", ")})`;
    const isAlsoFirst = this.#looksUpFirst();
    const above =
      after === null ? "" : ` AND ${isAlsoFirst ? `${first} >= ? AND ` : ""}${key} > ${value}`;
    const upTo = `${isAlsoFirst ? `${first} <= ? AND ` : ""}${key} <= ${value}`;
    return `${this.#where()}${above} AND ${upTo}`;
  }

  #valuesOf({ after, to }: KeyRange): unknown[] {
    const values: unknown[] = [...this.#options.relation.parameters];
    for (const key of after === null ? [to] : [after, to]) {
      const decoded = decodeKey(key);
      if (this.#looksUpFirst()) values.push(decoded[0]);
      values.push(...decoded);
    }
    return values;
  }

  /** SQLite looks a row of columns up in an index, but not one with collations: then its first column. */
  #looksUpFirst(): boolean {
    return this.#key.terms.length > 1 && !this.#key.isPlain;
  }

  #toKey(values: SqlRow): SqlKey {
    return checkKeyText(CONNECTOR, this.#options.name, values.map(encodeKeyValue));
  }
}

/** Tries until the lock is free or the time is over; other work gets its turns in between. */
async function waitingForLock<R>(
  path: string,
  busyTimeout: number,
  work: () => R | Promise<R>,
): Promise<R> {
  for (let left = Math.ceil(busyTimeout / BUSY_TRY); ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left <= 0 || !isBusy(error)) throw error;
    }
    // A turn of the event loop; and a file that is gone needs no waiting.
    await stat(path).catch(() => {
      left = 0;
    });
  }
}

function isBusy(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const driverCode = code === "CONNECTION_FAILED" ? cause?.code : code;
  return typeof driverCode === "string" && driverCode.startsWith("SQLITE_BUSY");
}

function named(path: string): { readonly connector: string; readonly path: string } {
  return { connector: CONNECTOR, path };
}

function toNumber(raw: unknown): unknown {
  if (typeof raw !== "bigint") return raw;
  const value = Number(raw);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`the integer ${raw} is beyond what a number holds: set int64: "bigint"`);
}

function sizeOf(row: SqlRow): number {
  let bytes = 0;
  for (const value of row) {
    if (typeof value === "string") bytes += value.length;
    else if (value instanceof Uint8Array) bytes += value.length;
  }
  return bytes;
}
