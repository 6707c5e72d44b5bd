import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The files of a directory by name. */
export function readDirectory(directory: string): ReadonlyMap<string, string> {
  const files = readdirSync(directory).sort();
  return new Map(files.map((file) => [file, readFileSync(join(directory, file), "utf8")]));
}

/** What is wrong with the found files, compared with the wanted ones; empty: nothing. */
export function differences(
  wanted: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): string[] {
  const wrong: string[] = [];
  for (const [file, text] of wanted) {
    const there = found.get(file);
    if (there === undefined) wrong.push(`${file} is missing`);
    else if (there !== text) wrong.push(`${file} is stale`);
  }
  for (const file of found.keys()) if (!wanted.has(file)) wrong.push(`${file} is left over`);
  return wrong;
}
