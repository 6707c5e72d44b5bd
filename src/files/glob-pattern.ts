import { lstat } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize, relative } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";

/** Whether a path has wildcards. */
export function isPattern(path: string): boolean {
  return isDynamicPattern(path);
}

/** What matches a pattern; a name that begins with "." or "_" only where the pattern says it. */
export async function matches(pattern: string): Promise<readonly string[]> {
  const names = await glob(pattern, {
    absolute: isAbsolute(pattern),
    expandDirectories: false,
    // Otherwise it leaves out links to files too.
    followSymbolicLinks: true,
  });
  const said = new Set(pattern.split("/").filter((part) => part.startsWith("_")));
  const maySay = [...said].some((part) => isPattern(part));
  const isVisible = (part: string): boolean => !part.startsWith("_") || maySay || said.has(part);
  const literal = literalDirectory(pattern);
  const linked = new Map<string, Promise<boolean>>();
  const found: string[] = [];
  for (const name of names.map((one) => normalize(one)).sort()) {
    const below = relative(literal, name);
    if (!below.split("/").every(isVisible)) continue;
    if (!(await isBelowLink(literal, dirname(below), linked))) found.push(name);
  }
  return found;
}

/** The directory that a pattern names before its first wildcard. */
function literalDirectory(pattern: string): string {
  const parts = pattern.split("/");
  const first = parts.findIndex((part) => isPattern(part));
  const literal = parts.slice(0, Math.max(first, 0)).join("/");
  return literal === "" ? (isAbsolute(pattern) ? "/" : ".") : normalize(literal);
}

/** True when one of the directories on the way down to `below` is a link. */
async function isBelowLink(
  directory: string,
  below: string,
  known: Map<string, Promise<boolean>>,
): Promise<boolean> {
  if (below === "." || below === "") return false;
  const parents = dirname(below);
  if (await isBelowLink(directory, parents, known)) return true;
  const name = join(directory, below);
  let isLink = known.get(name);
  if (isLink === undefined) {
    isLink = lstat(name).then(
      (stats) => stats.isSymbolicLink(),
      () => false,
    );
    known.set(name, isLink);
  }
  return isLink;
}
