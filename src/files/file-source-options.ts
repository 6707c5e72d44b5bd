import * as v from "valibot";
import type { DurationInput } from "../api/watermark.js";
import { optionInvalid } from "../errors/index.js";
import { expecting } from "../options/expecting.js";
import { duration, wholeNumber } from "../options/parse-options.js";

/** How splits find their readers. */
export type FileAssignment = "on-request" | "all-at-once";

/** How the content of a file is packed. */
export type FileCompression = "auto" | "none" | "gzip";

/** How a file is recognized as the one that was found. */
export type ChangeDetection = "modification-time" | "size";

/** What every source of files takes. */
export interface FileSourceOptions {
  /**
   * Files, directories (with what is in and below them) and glob patterns, one or several. Relative to
   * the working directory; the name of a file that exists is never taken for a pattern.
   */
  readonly path: string | readonly string[];
  /** Bytes of a file that one split has at most; default 64 MiB. */
  readonly splitSize?: number;
  /** "auto" (default): what ends with ".gz" is gzip. A compressed file is one split. */
  readonly compression?: FileCompression;
  /** Makes the source unbounded: it looks for new files this often. */
  readonly discoveryInterval?: DurationInput;
  /**
   * "modification-time" (default): size and time of modification must be as they were when the file
   * was found. "size": the size only, for places that set new times when they restore files.
   */
  readonly changeDetection?: ChangeDetection;
  /**
   * "on-request" (default): one split at a time, for even load. "all-at-once": each subtask gets its
   * splits when it starts; not with `discoveryInterval`.
   */
  readonly assignment?: FileAssignment;
}

/** The options with defaults filled in. */
export interface ParsedFileSourceOptions {
  readonly path: string | readonly string[];
  readonly splitSize: number;
  readonly compression: FileCompression;
  /** Milliseconds. */
  readonly discoveryInterval?: number | undefined;
  readonly changeDetection: ChangeDetection;
  readonly assignment: FileAssignment;
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

const isPath = (value: unknown): boolean =>
  isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText));

/** The entries of the schema of `FileSourceOptions`, for the `v.strictObject` of a connector. */
export const fileSourceEntries = {
  path: expecting<string | readonly string[]>(
    isPath,
    "the name of a file, a directory or a glob pattern, or several",
  ),
  splitSize: v.optional(wholeNumber(1), 64 * 1024 * 1024),
  compression: v.optional(v.picklist(["auto", "none", "gzip"]), "auto"),
  discoveryInterval: v.optional(duration()),
  changeDetection: v.optional(v.picklist(["modification-time", "size"]), "modification-time"),
  assignment: v.optional(v.picklist(["on-request", "all-at-once"]), "on-request"),
};

/** Throws OPTION_INVALID for options that do not go together; `option` is such as "textSource". */
export function checkFileOptions(
  option: string,
  {
    discoveryInterval,
    assignment,
  }: Pick<ParsedFileSourceOptions, "discoveryInterval" | "assignment">,
): void {
  if (discoveryInterval === undefined) return;
  if (discoveryInterval < 1) {
    throw optionInvalid(`${option}.discoveryInterval`, discoveryInterval, "at least 1 ms");
  }
  if (assignment === "all-at-once") {
    throw optionInvalid(
      `${option}.assignment`,
      assignment,
      '"on-request" together with discoveryInterval, which finds splits all the time',
    );
  }
}
