import * as v from "valibot";
import type { Source } from "../../api/source.js";
import {
  createFileSource,
  type FileEnumeratorState,
  type FileSplit,
  LineFormat,
  type LineSourceOptions,
  lineSourceEntries,
} from "../../files/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions } from "../../options/parse-options.js";
import { JsonDecoder } from "./json-decoder.js";

/** What `ndjsonSource` takes. */
export interface NdjsonSourceOptions<T> extends LineSourceOptions {
  /**
   * Checks a value or makes a record of it; called once a line in the operator's loop. What it throws
   * makes the line a bad record. Default: the value as it is.
   */
  readonly parse?: (value: unknown) => T;
}

const schema = v.strictObject({
  ...lineSourceEntries,
  parse: v.optional(
    expecting<(value: unknown) => unknown>((value) => typeof value === "function", "a function"),
  ),
});

/**
 * A source of the JSON values of newline-delimited JSON files, one a line; blank lines are left out.
 * Bounded unless it has a `discoveryInterval`.
 *
 * A split is a range of bytes; its position is a byte between two lines, so a restored job loses and
 * repeats nothing. Throws OPTION_INVALID here; FILE_NOT_FOUND, FILE_CHANGED, FILE_CORRUPT and
 * LIMIT_EXCEEDED fail the job when it runs.
 */
export function ndjsonSource<T = unknown>(
  options: NdjsonSourceOptions<T>,
): Source<T, FileSplit, FileEnumeratorState> {
  const parsed = parseOptions("ndjsonSource", schema, options);
  const format = new LineFormat<T>({
    name: "NDJSON",
    decoder: new JsonDecoder(parsed.parse as ((value: unknown) => T) | undefined),
    maxLineLength: parsed.maxLineLength,
  });
  return createFileSource({ name: "NDJSON", option: "ndjsonSource", options: parsed, format });
}
