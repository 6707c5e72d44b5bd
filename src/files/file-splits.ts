import { HeadwaterError } from "../errors/index.js";
import type { ParsedFileSourceOptions } from "./file-source-options.js";
import type { FileSplit } from "./file-split.js";
import type { FoundFile } from "./found-file.js";

/** Splits that wait in an enumerator. */
export const MAX_PENDING_SPLITS = 1_000_000;

/** True when the options say so, or, by default, the file's name. */
export function isCompressed(
  path: string,
  { compression }: Pick<ParsedFileSourceOptions, "compression">,
): boolean {
  return compression === "gzip" || (compression === "auto" && path.endsWith(".gz"));
}

/**
 * Cuts a file into ranges of `splitSize` bytes; one that is compressed, or whose format cannot begin
 * in the middle, is one split, and so is an empty one. Throws LIMIT_EXCEEDED for too many.
 */
export function splitsOf(
  { path, size, modified }: FoundFile,
  options: ParsedFileSourceOptions,
  splittable: boolean,
): readonly FileSplit[] {
  const isWhole = !splittable || isCompressed(path, options);
  const step = isWhole ? Math.max(1, size) : options.splitSize;
  const count = Math.max(1, Math.ceil(size / step));
  if (count > MAX_PENDING_SPLITS) {
    throw new HeadwaterError(
      "LIMIT_EXCEEDED",
      `file ${path}: ${size} bytes in splits of ${step} are ${count} splits, more than ${MAX_PENDING_SPLITS}`,
      { domain: "user", retry: "never", scope: "job", hint: "Raise splitSize." },
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const start = i * step;
    const end = Math.min(start + step, size);
    const splitId = `${path}#${start}`;
    return { splitId, path, fileSize: size, modified, start, end, position: start, skip: 0 };
  });
}
