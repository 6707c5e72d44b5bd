import { createRequire } from "node:module";

/** The version in package.json, which lies two folders up in the sources and three in the build. */
export const VERSION: string = readVersion();

function readVersion(): string {
  const require = createRequire(import.meta.url);
  const { version } = require("headwater/package.json") as { readonly version: string };
  return version;
}
