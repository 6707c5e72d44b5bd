import { HeadwaterError } from "../errors/index.js";

/** A path that gives no file that can be read; `reason` says why. */
export function fileNotFound(
  path: string,
  reason: string,
  hint: string,
  cause?: unknown,
): HeadwaterError {
  return new HeadwaterError("FILE_NOT_FOUND", `file ${path}: ${reason}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint,
    cause,
  });
}

/** An error of the system while a file was opened or read; a known error stays as it is. */
export function fileUnreadable(path: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (cause instanceof HeadwaterError || code === undefined) return cause;
  if (isMissing(cause)) {
    return fileNotFound(
      path,
      "it was there when it was found and has vanished",
      "Put the file back; a job that restarts goes on behind the records it has read.",
      cause,
    );
  }
  return fileNotFound(
    path,
    code === "EACCES" || code === "EPERM"
      ? "this user may not read it"
      : `it cannot be read (${code})`,
    "See to it that the user of this process may read the file.",
    cause,
  );
}

/** True for the error of a path that leads nowhere. */
export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** A file that is not what it was when it was found. */
export function fileChanged(path: string, what: string): HeadwaterError {
  return new HeadwaterError("FILE_CHANGED", `file ${path}: ${what}`, {
    domain: "external",
    retry: "never",
    scope: "job",
    hint: "Put the old file back, or start the job without a checkpoint to read the new one. Write a file under a name that begins with a dot, and rename it when it is complete.",
  });
}

/** A file whose bytes are not what its format wants; `reason` says what was found. */
export function fileCorrupt(path: string, reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("FILE_CORRUPT", `file ${path}: ${reason}`, {
    domain: "external",
    retry: "never",
    scope: "job",
    hint: "Write or copy the file again; a job that restarts goes on behind the records it has read.",
    cause,
  });
}

/** An input that is no record; `reason` says why, in few words and without the input. */
export function badRecord(reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("BAD_RECORD", reason, {
    domain: "external",
    retry: "never",
    scope: "record",
    cause,
  });
}
