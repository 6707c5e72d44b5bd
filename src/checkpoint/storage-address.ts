import { resolve } from "node:path";
import { HeadwaterError } from "../errors/index.js";

const SCHEME = /^([a-z][a-z0-9+.-]+):\/\//i;

/** Whether an address names a place in S3; everything else is a path. */
export function isS3Address(address: string): boolean {
  return SCHEME.exec(address)?.[1]?.toLowerCase() === "s3";
}

/**
 * The address as every process understands it: an S3 address as it is, a path made absolute.
 *
 * Throws OPTION_INVALID for an address of another kind, which would else become a directory.
 */
export function absoluteAddress(address: string): string {
  if (isS3Address(address)) return address;
  checkAddress(address);
  return resolve(address);
}

/** Throws OPTION_INVALID for an address that is neither a path nor in S3. */
export function checkAddress(address: string): void {
  const scheme = SCHEME.exec(address)?.[1];
  if (scheme === undefined || isS3Address(address)) return;
  // Only the scheme: what follows may hold a password.
  throw new HeadwaterError(
    "OPTION_INVALID",
    `a checkpoint or savepoint cannot lie at a ${scheme}:// address`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Give a path, or s3://bucket/prefix.",
    },
  );
}
