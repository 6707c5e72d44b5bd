import * as v from "valibot";
import type { Timestamp } from "../../api/watermark.js";
import { optionInvalid } from "../../errors/index.js";
import { expecting } from "../../options/expecting.js";
import { wholeNumber } from "../../options/parse-options.js";
import { quoteIdentifier } from "../identifier.js";

/** A row: a value a column, in the order of `columns`, or by the columns' names. */
export type SqlRow = readonly unknown[] | Readonly<Record<string, unknown>>;

/** What every sink into a database's table takes. */
export interface DatabaseSinkOptions<T> {
  readonly table: string;
  /** The columns that are written; others get their defaults. */
  readonly columns: readonly string[];
  /** Default: the record's properties of the columns' names; absent and undefined become NULL. */
  readonly toRow?: (record: T, timestamp: Timestamp) => SqlRow;
  /** Default "insert". "upsert": a row whose key is there already is replaced. */
  readonly mode?: "insert" | "upsert";
  /**
   * The columns that tell rows apart: required for "upsert", which needs a unique constraint on them.
   * For "insert" it only names a refused row in errors.
   */
  readonly key?: string | readonly string[];
  /**
   * Default "at-least-once". "exactly-once": rows are seen, once, when the checkpoint that covers them
   * is durable.
   */
  readonly delivery?: "at-least-once" | "exactly-once";
  /** A statement that is run when a writer opens, such as `CREATE TABLE IF NOT EXISTS …`. */
  readonly createTable?: string;
  /** Rows that are sent at a time; default 1000. */
  readonly maxBatchRows?: number;
  /**
   * Tells sinks of one job into one table apart, with exactly-once: up to 40 letters, digits, "-";
   * default "sink".
   */
  readonly prefix?: string;
  /** How often a batch is tried again after a lost connection, a lock or a conflict; default 5. */
  readonly maxRetries?: number;
}

const name = expecting<string>(
  (value) => typeof value === "string" && value !== "" && !value.includes("\0"),
  "a name",
);

const names = expecting<readonly string[]>(
  (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === "string" && one !== "" && !one.includes("\0")) &&
    new Set(value).size === value.length,
  "one or more names, each once",
);

/** The entries of an options schema for `DatabaseSinkOptions`. */
export const databaseSinkEntries = {
  table: name,
  columns: names,
  toRow: v.optional(
    expecting<(record: never, timestamp: Timestamp) => SqlRow>(
      (value) => typeof value === "function",
      "a function (record, timestamp) => row",
    ),
  ),
  mode: v.optional(v.picklist(["insert", "upsert"]), "insert"),
  key: v.optional(v.union([name, names])),
  delivery: v.optional(v.picklist(["at-least-once", "exactly-once"]), "at-least-once"),
  createTable: v.optional(name),
  maxBatchRows: v.optional(wholeNumber(1), 1000),
  prefix: v.optional(
    expecting<string>(
      (value) => typeof value === "string" && /^[A-Za-z0-9-]{1,40}$/.test(value),
      'up to 40 letters, digits and "-"',
    ),
    "sink",
  ),
  maxRetries: v.optional(wholeNumber(0), 5),
};

const schema = v.strictObject(databaseSinkEntries);

/** `DatabaseSinkOptions` with their defaults. */
export type ParsedDatabaseSinkOptions = v.InferOutput<typeof schema>;

/** The key's columns, checked against the others; throws OPTION_INVALID. */
export function keyColumns(
  sink: string,
  { key, columns, mode }: Pick<ParsedDatabaseSinkOptions, "key" | "columns" | "mode">,
): readonly string[] {
  const all = key === undefined ? [] : typeof key === "string" ? [key] : key;
  if (mode === "upsert" && all.length === 0) {
    throw optionInvalid(
      `${sink}.key`,
      key,
      'the columns of a unique constraint, for mode "upsert"',
    );
  }
  for (const column of all) {
    if (!columns.includes(column)) throw optionInvalid(`${sink}.key`, column, "one of columns");
  }
  return all;
}

/** What follows VALUES in an upsert: the row that is there gets the new row's values. */
export function onConflictUpdate(columns: readonly string[], key: readonly string[]): string {
  const rest = columns.filter((column) => !key.includes(column));
  const conflict = ` ON CONFLICT (${key.map(quoteIdentifier).join(", ")}) DO `;
  if (rest.length === 0) return `${conflict}NOTHING`;
  const set = rest.map(
    (column) => `${quoteIdentifier(column)} = excluded.${quoteIdentifier(column)}`,
  );
  return `${conflict}UPDATE SET ${set.join(", ")}`;
}
