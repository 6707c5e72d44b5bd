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
