import { quoteIdentifier } from "../../sql/identifier.js";
import {
  checkKeyText,
  type KeyRange,
  keyIsNull,
  type SqlColumn,
  type SqlKey,
  type SqlPage,
  type SqlRelation,
  type SqlRow,
  type SqlTable,
  selectColumns,
} from "../../sql/source/index.js";
import {
  connectPostgres,
  loadPostgresDriver,
  type PostgresClient,
  type PostgresConnecting,
} from "./postgres-driver.js";
import { postgresError } from "./postgres-error.js";
import { type PostgresKey, postgresKey } from "./postgres-source-key.js";
import { columnOf, decoderOf, type PostgresValueOptions } from "./postgres-source-values.js";

/** Which table on which server, and what its values become. */
export interface PostgresTableOptions {
  readonly connecting: PostgresConnecting;
  /** For errors. */
  readonly name: string;
  readonly schema: string | undefined;
  readonly relation: SqlRelation;
  readonly values: PostgresValueOptions;
}

const CONNECTOR = "postgresSource";

/** Texts that mean the same on every connection; and nothing is ever written. */
const SETTINGS =
  "SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres'; " +
  "SET bytea_output = 'hex'; SET extra_float_digits = 1; SET default_transaction_read_only = on";

/** Values come as the server writes them; they are decoded when their record is made. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** Connects and looks at the table; throws CONNECTION_FAILED, OPTION_INVALID and DRIVER_MISSING. */
export async function openPostgresTable(options: PostgresTableOptions): Promise<SqlTable> {
  const { connecting, name, schema, relation, values } = options;
  const driver = await loadPostgresDriver(CONNECTOR);
  const client = await connectPostgres(connecting);
  try {
    await client.query(SETTINGS);
    const path = schema === undefined ? "" : `${quoteIdentifier(schema)}.`;
    const table = relation.table === undefined ? undefined : path + quoteIdentifier(relation.table);
    const from = table ?? `(${relation.query}\n) AS "headwater query"`;
    // The placeholders of both must have their values, also where only one is looked at.
    const condition = relation.where === undefined ? "" : ` WHERE (${relation.where}\n)`;
    const { fields } = await client.query({
      text: `SELECT * FROM ${from}${condition} LIMIT 0`,
      values: [...relation.parameters],
    });
    const present = fields.map((field) => field.name);
    const names = selectColumns(CONNECTOR, name, present, relation.columns);
    const key = await postgresKey(client, name, table, relation, fields);
    if (key.isNullable) await refuseNullKeys(client, name, from, relation);
    const columns = names.map((column) => {
      const oid = fields.find((field) => field.name === column)?.dataTypeID ?? 0;
      return columnOf(column, decoderOf(oid, driver, values));
    });
    return new PostgresTable(client, options, from, key, columns);
  } catch (cause) {
    void client.end().catch(() => {});
    throw postgresError({ connector: CONNECTOR }, `read ${name}`, cause);
  }
}

/**
 * Owns: one connection that reads only. Called by: the enumerator while it cuts, or one split reader.
 * Invariants: each statement sees what is committed when it starts; values of the user go as parameters.
 */
class PostgresTable implements SqlTable {
  readonly #client: PostgresClient;
  readonly #name: string;
  readonly #relation: SqlRelation;
  readonly #from: string;
  readonly #key: PostgresKey;
  readonly #columns: readonly SqlColumn[];
  /** The key as text; under names of its own, or ORDER BY would mean these. */
  readonly #keyTexts: string;

  constructor(
    client: PostgresClient,
    { name, relation }: PostgresTableOptions,
    from: string,
    key: PostgresKey,
    columns: readonly SqlColumn[],
  ) {
    this.#client = client;
    this.#name = name;
    this.#relation = relation;
    this.#from = from;
    this.#key = key;
    this.#columns = columns;
    this.#keyTexts = relation.key
      .map((column, i) => `${quoteIdentifier(column)}::text AS "headwater key ${i}"`)
      .join(", ");
  }

  async highest(): Promise<SqlKey | null> {
    const down = this.#key.terms.map((term) => `${term} DESC`).join(", ");
    const sql = `SELECT ${this.#keyTexts} FROM ${this.#from} WHERE ${this.#where()} ORDER BY ${down} LIMIT 1`;
    const [row] = await this.#query("look for the highest key", sql, []);
    return row === undefined ? null : this.#toKey(row);
  }

  async marks(range: KeyRange, rows: number, every: number): Promise<readonly SqlKey[]> {
    const names = this.#relation.key.map(quoteIdentifier).join(", ");
    const order = this.#key.terms.join(", ");
    const sql =
      `SELECT ${this.#keyTexts} FROM (SELECT ${names}, row_number() OVER (ORDER BY ${order}) AS "headwater row" ` +
      `FROM (SELECT ${names} FROM ${this.#from} WHERE ${this.#inRange(range)} ` +
      `ORDER BY ${order} LIMIT ${rows}) AS p) AS q ` +
      `WHERE "headwater row" % ${every} = 0 ORDER BY "headwater row"`;
    const found = await this.#query("look for marks", sql, valuesOf(range));
    return found.map((row) => this.#toKey(row));
  }

  async page(range: KeyRange): Promise<SqlPage> {
    const columns = this.#columns;
    const { fetchSize } = this.#relation;
    const names = columns.map(({ name }) => quoteIdentifier(name));
    const sql =
      `SELECT ${[...names, this.#keyTexts].join(", ")} FROM ${this.#from} ` +
      `WHERE ${this.#inRange(range)} ORDER BY ${this.#key.terms.join(", ")} LIMIT ${fetchSize}`;
    const rows = await this.#query("read rows", sql, valuesOf(range));
    const keyOf = (row: SqlRow): SqlKey => this.#toKey(row.slice(columns.length));
    return { columns, rows, isLast: rows.length < fetchSize, keyOf };
  }

  /** A query under way ends with the connection. */
  async close(): Promise<void> {
    await this.#client.end().catch(() => {});
  }

  async #query(doing: string, text: string, values: readonly string[]): Promise<SqlRow[]> {
    try {
      const all = [...this.#relation.parameters, ...values];
      const query = { text, values: all, rowMode: "array", types: AS_TEXT } as const;
      return (await this.#client.query<unknown[]>(query)).rows;
    } catch (cause) {
      throw postgresError({ connector: CONNECTOR }, `${doing} of ${this.#name}`, cause);
    }
  }

  #where(): string {
    const { where } = this.#relation;
    return where === undefined ? "TRUE" : `(${where}\n)`;
  }

  #inRange({ after }: KeyRange): string {
    const { terms, types } = this.#key;
    const first = this.#relation.parameters.length + 1;
    const places = (from: number): string =>
      types.map((type, i) => `$${from + i}::${type}`).join(", ");
    const key = `(${terms.join(", ")})`;
    const above = after === null ? "" : ` AND ${key} > (${places(first)})`;
    const to = after === null ? first : first + types.length;
    return `${this.#where()}${above} AND ${key} <= (${places(to)})`;
  }

  #toKey(values: SqlRow): SqlKey {
    return checkKeyText(CONNECTOR, this.#name, values as SqlKey);
  }
}

function valuesOf({ after, to }: KeyRange): readonly string[] {
  return [...(after ?? []), ...to];
}

async function refuseNullKeys(
  client: PostgresClient,
  name: string,
  from: string,
  { key, where, parameters }: SqlRelation,
): Promise<void> {
  const isNull = key.map((column) => `${quoteIdentifier(column)} IS NULL`).join(" OR ");
  const condition = where === undefined ? `(${isNull})` : `(${where}\n) AND (${isNull})`;
  const text = `SELECT 1 FROM ${from} WHERE ${condition} LIMIT 1`;
  const { rows } = await client.query({ text, values: [...parameters] });
  if (rows.length > 0) throw keyIsNull(CONNECTOR, name);
}
