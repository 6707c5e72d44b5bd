import * as v from "valibot";
import { duration, wholeNumber } from "../../options/parse-options.js";

/** What every file sink takes. */
export interface FileSinkOptions {
  /** The directory for the part files; it is created when the first record comes. */
  readonly path: string;
  /** Default "none". With "gzip" the names end in `.gz`. */
  readonly compression?: "none" | "gzip";
  /** Whether a checkpoint waits until the disk has everything (fdatasync); default true. */
  readonly sync?: boolean;
  /** Bytes of text that are gathered before they are written; default 1 MiB. */
  readonly bufferSize?: number;
  /**
   * Default "at-least-once". "exactly-once": a part file gets its name, and is never changed again,
   * when the checkpoint that covers it is durable.
   */
  readonly delivery?: "at-least-once" | "exactly-once";
  /** What the names of part files begin with: letters, digits, "-"; default "part". */
  readonly prefix?: string;
  /** A part file that has reached so many bytes on disk and in the buffer is ended; default: none is. */
  readonly maxPartBytes?: number;
  /** A part file that is so old (milliseconds, or "10m") is ended before the next record; default: none is. */
  readonly rolloverInterval?: number | string;
  /**
   * Exactly-once, restored from a checkpoint: what to do about a part file of it that is neither
   * waiting nor finished; default "fail". "accept": somebody has taken it away since.
   */
  readonly missingParts?: "fail" | "accept";
}

/** The entries of an options schema for `FileSinkOptions`. */
export const fileSinkEntries = {
  path: v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      if (dataset.typed && dataset.value === "") addIssue({ expected: "a directory's path" });
    }),
  ),
  compression: v.optional(v.picklist(["none", "gzip"]), "none"),
  sync: v.optional(v.boolean(), true),
  bufferSize: v.optional(wholeNumber(1), 1024 * 1024),
  delivery: v.optional(v.picklist(["at-least-once", "exactly-once"]), "at-least-once"),
  prefix: v.optional(
    v.pipe(
      v.string(),
      v.rawCheck(({ dataset, addIssue }) => {
        // What begins with "." or "_" is left out by readers.
        if (dataset.typed && !/^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(dataset.value)) {
          addIssue({ expected: 'up to 100 letters, digits and "-", a "-" not first' });
        }
      }),
    ),
    "part",
  ),
  maxPartBytes: v.optional(wholeNumber(1)),
  rolloverInterval: v.optional(
    v.pipe(
      duration(),
      v.rawCheck(({ dataset, addIssue }) => {
        if (dataset.typed && dataset.value <= 0) addIssue({ expected: "a duration > 0" });
      }),
    ),
  ),
  missingParts: v.optional(v.picklist(["fail", "accept"]), "fail"),
};

const schema = v.strictObject(fileSinkEntries);

/** `FileSinkOptions` with their defaults; durations in milliseconds. */
export type ParsedFileSinkOptions = v.InferOutput<typeof schema>;
