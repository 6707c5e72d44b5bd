import { createRequire } from "node:module";

/** Of Headwater, as package.json has it. */
export function packageVersion(): string {
  const require = createRequire(import.meta.url);
  return (require("headwater/package.json") as { readonly version: string }).version;
}
