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
