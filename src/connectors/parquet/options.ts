import * as v from "valibot";
import { optionInvalid } from "../../errors/index.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import { expecting } from "../expected.js";

/** How splits find their readers. */
export type ParquetAssignment = "on-request" | "all-at-once";

/** What `parquetSource` takes. */
export interface ParquetSourceOptions {
  /** One file or several; they are read in this order. Relative to the working directory. */
  readonly path: string | readonly string[];
  /** Top-level columns to read; default all. The others cost nothing. */
  readonly columns?: readonly string[];
  /** Rows in one batch from the split reader; default 8192. */
  readonly batchSize?: number;
  /**
   * "all-at-once" (default): every subtask gets its splits when it starts, so that watermark
   * alignment sees all of them. "on-request": one split at a time, for even load.
   */
  readonly assignment?: ParquetAssignment;
  /** Row groups that one subtask keeps decoded, and reads side by side, at a time; default 8. */
  readonly maxDecodedRowGroups?: number;
  /** What a 64-bit integer becomes; default "number", an error for a value beyond ±(2^53 − 1). */
  readonly int64?: "number" | "bigint";
  /** What dates and timestamps become: `Date` (default) or milliseconds since the epoch. */
  readonly timestamps?: "date" | "number";
}

/** The options with defaults filled in. */
export interface ParsedParquetOptions {
  readonly paths: readonly string[];
  readonly columns: readonly string[] | undefined;
  readonly batchSize: number;
  readonly assignment: ParquetAssignment;
  readonly maxDecodedRowGroups: number;
  readonly int64: "number" | "bigint";
  readonly timestamps: "date" | "number";
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const areTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(isText);

const schema = v.strictObject({
  path: expecting<string | readonly string[]>(
    (value) => isText(value) || areTexts(value),
    "the name of a file, or several",
  ),
  columns: v.optional(expecting<readonly string[]>(areTexts, "the names of one or more columns")),
  batchSize: v.optional(wholeNumber(1), 8192),
  assignment: v.optional(v.picklist(["on-request", "all-at-once"]), "all-at-once"),
  maxDecodedRowGroups: v.optional(wholeNumber(1), 8),
  int64: v.optional(v.picklist(["number", "bigint"]), "number"),
  timestamps: v.optional(v.picklist(["date", "number"]), "date"),
});

/** Checks what the user gave; throws OPTION_INVALID naming the option. */
export function parseParquetOptions(options: ParquetSourceOptions): ParsedParquetOptions {
  const { path, columns, ...rest } = parseOptions("parquetSource", schema, options);
  const paths = typeof path === "string" ? [path] : path;
  refuseDuplicate("parquetSource.path", paths);
  refuseDuplicate("parquetSource.columns", columns ?? []);
  return { ...rest, paths, columns };
}

function refuseDuplicate(option: string, values: readonly string[]): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) throw optionInvalid(option, value, "each entry once");
    seen.add(value);
  }
}
