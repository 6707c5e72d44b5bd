import { HeadwaterError } from "../errors/index.js";

/** There is no checkpoint at the place. */
export function checkpointNotFound(location: string, detail: string, cause?: unknown) {
  return new HeadwaterError("CHECKPOINT_NOT_FOUND", `no checkpoint at ${location}: ${detail}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
    hint: "Give the checkpoint's or savepoint's directory, or the _metadata file in it.",
  });
}

/** What lies there is not, or no longer, what was stored. */
export function checkpointCorrupt(location: string, detail: string, cause?: unknown) {
  return new HeadwaterError(
    "CHECKPOINT_CORRUPT",
    `the checkpoint at ${location} cannot be used: ${detail}`,
    {
      domain: "external",
      retry: "never",
      scope: "job",
      cause,
      hint: "Restore from an older checkpoint or savepoint, or bring this file back from a copy.",
    },
  );
}

/** A later release has written it. */
export function checkpointVersionUnsupported(location: string, version: number, newest: number) {
  return new HeadwaterError(
    "CHECKPOINT_VERSION_UNSUPPORTED",
    `the checkpoint at ${location} has format version ${version}, this release reads up to ${newest}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Run the release of Headwater that wrote it, or a later one.",
    },
  );
}

/** The storage could not be written or read. */
export function checkpointStorageFailed(doing: string, location: string, cause: unknown) {
  return new HeadwaterError("CHECKPOINT_STORAGE_FAILED", `could not ${doing} ${location}`, {
    domain: "external",
    retry: "backoff",
    scope: "job",
    cause,
    hint: `Check that the directory exists or can be created, that it may be written, and that there is space (${systemCode(cause) ?? "no system error code"}).`,
  });
}

/** An earlier run has used the id, or a higher one. */
export function checkpointIdTaken(location: string, newest: number) {
  return new HeadwaterError(
    "CHECKPOINT_STORAGE_FAILED",
    `${location} would lie beside checkpoint ${newest} of an earlier run, and ids must grow`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Resume from the newest checkpoint, or give this run a directory of its own.",
    },
  );
}

/** The `code` of a system error such as ENOENT; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = (error as Error & { readonly code?: unknown }).code;
  return typeof code === "string" ? code : undefined;
}
