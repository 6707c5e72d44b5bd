import * as v from "valibot";
import type { DurationInput } from "../../api/watermark.js";
import { HeadwaterError, optionInvalid } from "../../errors/index.js";
import { expecting } from "../../options/expecting.js";
import { duration, wholeNumber } from "../../options/parse-options.js";
import type { CutPlan } from "./split-cutter.js";
import type { MapRow } from "./sql-batch.js";

/** What the sources of all databases take. */
export interface SqlSourceOptions<T> {
  /** The table or view to read; this or `query`. */
  readonly table?: string;
  /** A SELECT to read, without a semicolon; with it `assumeUnique` is needed. */
  readonly query?: string;
  /** A condition in SQL for the rows to read, such as `"delay > $1"`. */
  readonly where?: string;
  /** The values of the placeholders in `query` and `where`, in their order. */
  readonly parameters?: readonly unknown[];
  /** What goes into a record; default all columns. */
  readonly columns?: readonly string[];
  /** The columns that tell the rows apart, without nulls: they say in which order rows are read. */
  readonly key: string | readonly string[];
  /** True: there is no unique index of the key, and yet no two rows have the same one. */
  readonly assumeUnique?: boolean;
  /** Rows in one split; default 10,000. This or `splits`. */
  readonly splitSize?: number;
  /** How many splits there are, of equal numbers of rows. */
  readonly splits?: number;
  /** Rows in one page at most; default 1000. */
  readonly fetchSize?: number;
  /** What a 64-bit integer becomes; default "number", a bad record for one beyond ±(2^53 − 1). */
  readonly int64?: "number" | "bigint";
  /** Makes a record of a row; what it throws makes a bad record. */
  readonly mapRow?: MapRow<T>;
  /** "bounded" (default): reads what is there. "incrementing": goes on with rows of higher keys. */
  readonly mode?: "bounded" | "incrementing";
  /** How often "incrementing" looks for new rows; default 5 s. */
  readonly pollInterval?: DurationInput;
}

const text = expecting<string>((value) => typeof value === "string" && value !== "", "a text");

const names = expecting<readonly string[]>(
  (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    new Set(value).size === value.length &&
    value.every((name) => typeof name === "string" && name !== ""),
  "the names of one or more columns, each once",
);

const keyNames = expecting<string | readonly string[]>(
  (value) => (Array.isArray(value) ? v.is(names, value) : v.is(text, value)),
  "the name of a column, or an array of names, each once",
);

/** The entries of the schema of `SqlSourceOptions`. */
export const sqlSourceEntries = {
  table: v.optional(text),
  query: v.optional(text),
  where: v.optional(text),
  parameters: v.optional(
    expecting<readonly unknown[]>((value) => Array.isArray(value), "an array of values"),
    () => [],
  ),
  columns: v.optional(names),
  key: keyNames,
  assumeUnique: v.optional(v.boolean(), false),
  splitSize: v.optional(wholeNumber(1)),
  splits: v.optional(
    expecting<number>(
      (value) =>
        Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 10_000,
      "a whole number from 1 to 10000",
    ),
  ),
  fetchSize: v.optional(
    expecting<number>(
      (value) =>
        Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 100_000,
      "a whole number from 1 to 100000",
    ),
    1000,
  ),
  int64: v.optional(v.picklist(["number", "bigint"]), "number"),
  mapRow: v.optional(
    expecting<MapRow<never>>((value) => typeof value === "function", "a function"),
  ),
  mode: v.optional(v.picklist(["bounded", "incrementing"]), "bounded"),
  pollInterval: v.optional(duration()),
};

const entriesSchema = v.object(sqlSourceEntries);
type Parsed = v.InferOutput<typeof entriesSchema>;

/** What the database's part of a source reads. */
export interface SqlRelation {
  readonly table: string | undefined;
  readonly query: string | undefined;
  readonly where: string | undefined;
  readonly parameters: readonly unknown[];
  readonly columns: readonly string[] | undefined;
  readonly key: readonly string[];
  readonly assumeUnique: boolean;
  readonly fetchSize: number;
  readonly int64: "number" | "bigint";
}

/** The options in parts; throws OPTION_INVALID for those that do not go together. */
export function sqlSourceParts<T>(
  option: string,
  parsed: Parsed,
): {
  readonly relation: SqlRelation;
  readonly cut: CutPlan;
  readonly pollInterval: number | undefined;
  readonly mapRow: MapRow<T> | undefined;
} {
  const { table, query, where, parameters, columns, assumeUnique, fetchSize, int64 } = parsed;
  const { splitSize, splits, mode, pollInterval, mapRow } = parsed;
  if ((table === undefined) === (query === undefined)) {
    throw refused(option, "needs either table or query");
  }
  if (query !== undefined && !assumeUnique) {
    throw refused(
      option,
      "needs assumeUnique: true with a query, as nothing tells whether its key is unique",
    );
  }
  if (splitSize !== undefined && splits !== undefined) {
    throw refused(option, "takes either splitSize or splits");
  }
  if (mode === "bounded" && pollInterval !== undefined) {
    throw refused(option, 'takes pollInterval only with mode: "incrementing"');
  }
  if (pollInterval === 0) throw optionInvalid(`${option}.pollInterval`, 0, "a duration above 0");
  const key = typeof parsed.key === "string" ? [parsed.key] : parsed.key;
  return {
    relation: {
      table,
      query,
      where,
      parameters,
      columns,
      key,
      assumeUnique,
      fetchSize,
      int64,
    },
    cut: splits === undefined ? { splitSize: splitSize ?? 10_000 } : { splits },
    pollInterval: mode === "incrementing" ? (pollInterval ?? 5000) : undefined,
    mapRow,
  };
}

function refused(option: string, what: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", `${option} ${what}`, {
    domain: "user",
    retry: "never",
    scope: "job",
  });
}
