import * as v from "valibot";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";

/** Where and how much of a job is recorded. */
export interface RecordOptions {
  /** Written anew; others are put aside beside it. */
  readonly file: string;
  /** Bytes of one file, about, beside the machines that it begins with; default 64 MiB. */
  readonly maxFileSize?: number;
  /** How many full files stay beside the newest; default 3. */
  readonly keptFiles?: number;
  /** Names of fields that are secret, beside `password`, `token` and the like. */
  readonly redact?: readonly string[];
  /** Told what went wrong when nothing can be written any more; default: a line on standard error. */
  readonly announce?: (message: string) => void;
}

const path = expecting<string>(
  (value) => typeof value === "string" && value !== "",
  "the path of a file",
);
const schema = v.strictObject({
  file: path,
  maxFileSize: v.optional(wholeNumber(1024), 64 * 1024 * 1024),
  keptFiles: v.optional(wholeNumber(0), 3),
  redact: v.optional(v.array(v.string()), []),
  announce: v.optional(v.custom<(message: string) => void>((value) => typeof value === "function")),
});

/** Checked and complete. */
export type ParsedRecordOptions = Required<RecordOptions>;

/** Throws OPTION_INVALID with the path, the value and what was expected. */
export function parseRecordOptions(options: RecordOptions | string): ParsedRecordOptions {
  const given = typeof options === "string" ? { file: options } : options;
  const { announce = sayOnStandardError, ...parsed } = parseOptions("record", schema, given);
  return { ...parsed, announce };
}

function sayOnStandardError(message: string): void {
  process.stderr.write(`${message}\n`);
}
