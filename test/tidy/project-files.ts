import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The directory that holds package.json. */
export const projectRoot = join(import.meta.dirname, "../..");

/** A file by its path from the project's root, with `/` between the parts. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

/** The text files below the given folders whose names end in one of the extensions. */
export function readFiles(
  folders: readonly string[],
  extensions: readonly string[] = [".ts"],
): readonly ProjectFile[] {
  return listFiles(folders)
    .filter((path) => extensions.some((extension) => path.endsWith(extension)))
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), "utf8") }));
}

/** The paths of all files below the given folders. */
export function listFiles(folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(projectRoot.length + 1))
      .sort(),
  );
}

/** The text without comments, line for line; strings, templates and regular expressions stay. */
export function stripComments(text: string): string {
  return text.replaceAll(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|(?<=[(,=:[!&|?{};\n]\s*)\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (match, kept: string | undefined) => kept ?? ` ${"\n".repeat(match.split("\n").length - 1)}`,
  );
}
