import { HeadwaterError } from "../errors/index.js";

/** A package that is loaded on use and not there; says how to install it. */
export function peerMissing(name: string, what: string, cause: unknown): HeadwaterError {
  return new HeadwaterError("DRIVER_MISSING", `${what} needs the package ${name}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
    hint: `Install it: npm install ${name}`,
  });
}
