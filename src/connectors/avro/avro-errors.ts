import { HeadwaterError } from "../../errors/index.js";

/** A block, or a record of one, that cannot be read. */
export function badRecord(reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("BAD_RECORD", reason, {
    domain: "external",
    retry: "never",
    scope: "record",
    cause,
  });
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
