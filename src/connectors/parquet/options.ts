import * as v from "valibot";
import { optionInvalid } from "../../errors/index.js";
import {
  type FileAssignment,
  type FileSourceOptions,
  fileSourceEntries,
  type ParsedFileSourceOptions,
} from "../../files/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";

/** What `parquetSource` takes. A split is always one row group. */
export interface ParquetSourceOptions
  extends Omit<FileSourceOptions, "splitSize" | "compression" | "assignment"> {
  /**
   * "all-at-once" (default): every subtask gets its splits when it starts, so that watermark
   * alignment sees all of them. "on-request": one split at a time, for even load; with
   * `discoveryInterval` always.
   */
  readonly assignment?: FileAssignment;
  /** Top-level columns to read; default all. The others cost nothing. */
  readonly columns?: readonly string[];
  /** Rows in one batch from the split reader; default 8192. */
  readonly batchSize?: number;
  /** Row groups that one subtask keeps decoded, and reads side by side, at a time; default 8. */
  readonly maxDecodedRowGroups?: number;
  /** What a 64-bit integer becomes; default "number", a bad record for one beyond ±(2^53 − 1). */
  readonly int64?: "number" | "bigint";
  /** What dates and timestamps become: `Date` (default) or milliseconds since the epoch. */
  readonly timestamps?: "date" | "number";
}

/** The options with defaults filled in. */
export interface ParsedParquetOptions {
  readonly files: Omit<ParsedFileSourceOptions, "splitSize">;
  readonly columns: readonly string[] | undefined;
  readonly batchSize: number;
  readonly maxDecodedRowGroups: number;
  readonly int64: "number" | "bigint";
  readonly timestamps: "date" | "number";
}

const areTexts = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((text) => typeof text === "string" && text !== "");

const { path, discoveryInterval, changeDetection } = fileSourceEntries;

const schema = v.strictObject({
  path,
  discoveryInterval,
  changeDetection,
  assignment: v.optional(v.picklist(["on-request", "all-at-once"])),
  columns: v.optional(expecting<readonly string[]>(areTexts, "the names of one or more columns")),
  batchSize: v.optional(wholeNumber(1), 8192),
  maxDecodedRowGroups: v.optional(wholeNumber(1), 8),
  int64: v.optional(v.picklist(["number", "bigint"]), "number"),
  timestamps: v.optional(v.picklist(["date", "number"]), "date"),
});

/** Checks what the user gave; throws OPTION_INVALID naming the option. */
export function parseParquetOptions(options: ParquetSourceOptions): ParsedParquetOptions {
  const { columns, batchSize, maxDecodedRowGroups, int64, timestamps, ...files } = parseOptions(
    "parquetSource",
    schema,
    options,
  );
  refuseDuplicate("parquetSource.columns", columns ?? []);
  const isContinuous = files.discoveryInterval !== undefined;
  const { assignment = isContinuous ? "on-request" : "all-at-once" } = files;
  return {
    files: { ...files, assignment, compression: "none" },
    columns,
    batchSize,
    maxDecodedRowGroups,
    int64,
    timestamps,
  };
}

function refuseDuplicate(option: string, values: readonly string[]): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) throw optionInvalid(option, value, "each entry once");
    seen.add(value);
  }
}
