import { HeadwaterError } from "../../errors/index.js";

/** Where in a Parquet file something is wrong. */
export interface ParquetPlace {
  readonly path: string;
  readonly rowGroup?: number;
  readonly column?: string;
}

/** A file whose bytes are not what they should be; `reason` says what was found. */
export function fileCorrupt(place: ParquetPlace, reason: string, cause?: unknown): HeadwaterError {
  const parts = [`Parquet file ${place.path}`];
  if (place.rowGroup !== undefined) parts.push(`row group ${place.rowGroup}`);
  if (place.column !== undefined) parts.push(`column ${place.column}`);
  return new HeadwaterError("FILE_CORRUPT", `${parts.join(", ")}: ${reason}`, {
    domain: "external",
    retry: "never",
    scope: "job",
    hint: "Write or copy the file again; a job that restarts goes on behind the rows it has read.",
    cause,
  });
}

/** A file that has another size than when its splits were made. */
export function fileChanged(path: string, expected: number, found: number): HeadwaterError {
  return new HeadwaterError(
    "FILE_CORRUPT",
    `Parquet file ${path}: it has ${found} bytes now and had ${expected} when its splits were made`,
    {
      domain: "external",
      retry: "never",
      scope: "job",
      hint: "Put the old file back, or start the job without a checkpoint to read the new one.",
    },
  );
}

/** A file that cannot be opened or read. */
export function fileUnreadable(path: string, cause: unknown): HeadwaterError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const reason =
    code === "ENOENT" || code === "ENOTDIR"
      ? "there is no such file"
      : code === "EISDIR"
        ? "it is a directory; name the files in it"
        : code === "EACCES" || code === "EPERM"
          ? "this user may not read it"
          : `it cannot be read (${code ?? String(cause)})`;
  return new HeadwaterError("FILE_NOT_FOUND", `Parquet file ${path}: ${reason}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: "Check parquetSource.path; a relative path starts at the working directory.",
    cause,
  });
}
