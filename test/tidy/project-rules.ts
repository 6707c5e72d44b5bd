import type { ProjectFile } from "./project-files.js";

const KEBAB = "[a-z0-9]+(?:-[a-z0-9]+)*";
const CODE = new RegExp(`^${KEBAB}(?:\\.(?:machine|model|d))?(?:\\.test)?\\.ts$`);
const FOLDER = new RegExp(`^${KEBAB}$`);
const DOCUMENT = new RegExp(`^(?:[A-Z]+|${KEBAB})\\.(?:md|svg|png)$`);
const DATA = new RegExp(`^${KEBAB}\\.(?:jsonl?|parquet|csv)$`);

/** Names that say nothing about what is inside. */
const MEANINGLESS = /^(?:utils?|helpers?|common|misc|shared|stuff)(?:\.|$)/;

const MAX_LINES = 400;

/** What is wrong with a path's names. */
export function nameMistakes(path: string): string[] {
  const parts = path.split("/");
  const file = parts.at(-1) as string;
  const isKnown = [CODE, DOCUMENT, DATA].some((pattern) => pattern.test(file));
  return [
    ...(isKnown ? [] : [`${path}: ${file} is no kebab-case name`]),
    ...parts
      .slice(0, -1)
      .flatMap((folder) =>
        FOLDER.test(folder) ? [] : [`${path}: ${folder} is no kebab-case name`],
      ),
    ...parts.flatMap((part) => (MEANINGLESS.test(part) ? [`${path}: ${part} says nothing`] : [])),
  ];
}

/** Files that have grown beyond one idea. */
export function lengthMistakes({ path, text }: ProjectFile): string[] {
  const lines = text.trimEnd().split("\n").length;
  return lines > MAX_LINES ? [`${path} has ${lines} lines: which second idea lives in it?`] : [];
}

const TOP_LEVEL: ReadonlySet<string> = new Set([
  "package.json",
  "package-lock.json",
  "src",
  "machines",
  "test",
  "docs",
  "README.md",
  "LICENSE",
  "biome.json",
  "knip.json",
  "vitest.config.ts",
]);

/** Made on the way, and not in the repository. */
const IGNORED: ReadonlySet<string> = new Set(["node_modules", "dist", "build", "coverage"]);

/** What the top level holds that it should not. */
export function topLevelMistakes(entries: readonly string[]): string[] {
  return entries
    .filter((entry) => !TOP_LEVEL.has(entry) && !IGNORED.has(entry))
    .filter((entry) => !entry.startsWith(".") && !/^tsconfig(?:\.\w+)?\.json$/.test(entry))
    .map((entry) => `${entry} does not belong to the top level`);
}

const SECTIONS = ["dependencies", "devDependencies", "optionalDependencies"] as const;

/** Dependencies whose version is not exact. A peer is the user's choice: a range within one major. */
export function versionMistakes(
  manifest: Readonly<{ [S in (typeof SECTIONS)[number]]?: Readonly<Record<string, string>> }>,
): string[] {
  return SECTIONS.flatMap((section) =>
    Object.entries(manifest[section] ?? {}).flatMap(([name, version]) =>
      /^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)
        ? []
        : [`${section}.${name}: ${version} is no exact version`],
    ),
  );
}
