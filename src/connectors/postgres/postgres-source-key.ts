import { unsupportedOperation } from "../../errors/index.js";
import { quoteIdentifier } from "../../sql/identifier.js";
import { keyNotUnique, noSuchColumn, type SqlRelation } from "../../sql/source/index.js";
import type { PostgresClient } from "./postgres-driver.js";

/** The key in SQL. */
export interface PostgresKey {
  /** Each column, with a collation where the one of the unique index is another. */
  readonly terms: readonly string[];
  /** The type of each, for parameters. */
  readonly types: readonly string[];
  readonly isNullable: boolean;
}

/** A column of what is read, as the server describes it. */
export interface PostgresField {
  readonly name: string;
  readonly dataTypeID: number;
}

/** Types whose values come back from their text as they were, and that have an order; by oid. */
const KEY_TYPES: ReadonlyMap<number, string> = new Map([
  [17, "bytea"],
  [20, "int8"],
  [21, "int2"],
  [23, "int4"],
  [25, "text"],
  [26, "oid"],
  [700, "float4"],
  [701, "float8"],
  [1042, "bpchar"],
  [1043, "varchar"],
  [1082, "date"],
  [1114, "timestamp"],
  [1184, "timestamptz"],
  [1700, "numeric"],
  [2950, "uuid"],
]);

interface IndexColumn {
  readonly index: string;
  readonly name: string;
  readonly nullable: boolean;
  /** The index's collation, in SQL, where it is not the column's. */
  readonly collation: string | null;
}

/**
 * Unique indexes without conditions and expressions: their columns. The index of a table that others
 * inherit from says nothing of their rows, which are read too; partitions share theirs.
 */
const UNIQUE_INDEXES = `
  SELECT i.indexrelid::text AS "index", a.attname AS name, NOT a.attnotnull AS nullable,
    CASE WHEN c.oid IS NULL OR c.oid = a.attcollation THEN NULL
      ELSE quote_ident(n.nspname) || '.' || quote_ident(c.collname) END AS collation
  FROM pg_index i
  CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
  LEFT JOIN pg_collation c ON c.oid = i.indcollation[k]
  LEFT JOIN pg_namespace n ON n.oid = c.collnamespace
  WHERE i.indrelid = $1::text::regclass AND i.indisunique AND i.indisvalid
    AND i.indpred IS NULL AND i.indexprs IS NULL
    AND NOT EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
      WHERE h.inhparent = i.indrelid AND p.relkind <> 'p')
  ORDER BY NOT i.indisprimary, i.indexrelid, k`;

const NOT_NULL_COLUMNS = `
  SELECT attname AS name FROM pg_attribute
  WHERE attrelid = $1::text::regclass AND attnotnull AND attnum > 0`;

/**
 * How the key is compared. Collations may differ on what is equal, so rows are read in the order of
 * the index that makes the key unique. Throws OPTION_INVALID when there is none, or no such column;
 * UNSUPPORTED_OPERATION for a type that cannot be a key.
 */
export async function postgresKey(
  client: PostgresClient,
  name: string,
  from: string | undefined,
  relation: SqlRelation,
  fields: readonly PostgresField[],
): Promise<PostgresKey> {
  const { key, assumeUnique } = relation;
  const types = key.map((column) => typeOf(name, column, fields));
  const plain = key.map(quoteIdentifier);
  if (from === undefined) return { terms: plain, types, isNullable: true };
  const notNull = await queryText<{ name: string }>(client, NOT_NULL_COLUMNS, from);
  const isNullable = !key.every((column) => notNull.some((one) => one.name === column));
  const index = uniqueIndex(await queryText<IndexColumn>(client, UNIQUE_INDEXES, from), key);
  if (index === undefined) {
    if (assumeUnique) return { terms: plain, types, isNullable };
    throw keyNotUnique("postgresSource", name);
  }
  const terms = key.map((column) => {
    const collation = index.find((term) => term.name === column)?.collation ?? null;
    const quoted = quoteIdentifier(column);
    return collation === null ? quoted : `${quoted} COLLATE ${collation}`;
  });
  return { terms, types, isNullable };
}

function typeOf(name: string, column: string, fields: readonly PostgresField[]): string {
  const field = fields.find((one) => one.name === column);
  if (field === undefined) {
    const present = fields.map((one) => one.name);
    throw noSuchColumn("postgresSource", name, column, present);
  }
  const type = KEY_TYPES.get(field.dataTypeID);
  if (type !== undefined) return `pg_catalog.${type}`;
  throw unsupportedOperation(
    `postgresSource: the column ${JSON.stringify(column)} of ${name} has a type that cannot be a key`,
    `A key's columns are ${[...KEY_TYPES.values()].join(", ")}; a query can cast others.`,
  );
}

function uniqueIndex(
  columns: readonly IndexColumn[],
  key: readonly string[],
): readonly IndexColumn[] | undefined {
  const indexes = new Map<string, IndexColumn[]>();
  for (const column of columns) {
    const index = indexes.get(column.index);
    if (index === undefined) indexes.set(column.index, [column]);
    else index.push(column);
  }
  return [...indexes.values()].find((index) => index.every(({ name }) => key.includes(name)));
}

async function queryText<R extends object>(
  client: PostgresClient,
  text: string,
  value: string,
): Promise<readonly R[]> {
  return (await client.query<R>(text, [value])).rows;
}
