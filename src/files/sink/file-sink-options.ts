import * as v from "valibot";
import { wholeNumber } from "../../options/parse-options.js";

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
};
