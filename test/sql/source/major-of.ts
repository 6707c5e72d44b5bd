import { readFileSync } from "node:fs";

const packageJson = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;

/** The major version of a package that this one is tested with. */
export function majorOf(name: string): string | undefined {
  const range = packageJson.peerDependencies?.[name] ?? packageJson.devDependencies?.[name] ?? "";
  return /\d+/.exec(range)?.[0];
}
