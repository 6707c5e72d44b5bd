import { HeadwaterError } from "./headwater-error.js";

/** A package that is loaded on use and not there; `install`: the packages that npm is to install. */
export function peerMissing(what: string, install: string, cause: unknown): HeadwaterError {
  return new HeadwaterError("DRIVER_MISSING", what, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: `Run: npm install ${install}`,
    cause,
  });
}
