import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, normalize, resolve } from "node:path";
import { HeadwaterError } from "../errors/index.js";
import { fileNotFound, isMissing } from "./file-errors.js";
import { MAX_PENDING_SPLITS } from "./file-splits.js";
import type { FoundFile } from "./found-file.js";

/** Files that are looked at side by side. */
const AT_ONCE = 64;

/** What to look for. */
export interface DiscoveryOptions {
  /** Names the option in errors: such as "textSource". */
  readonly option: string;
  readonly paths: readonly string[];
  /** True: a directory or pattern without files is no error. */
  readonly mayBeEmpty: boolean;
}

/**
 * Finds the files that the paths name, each once, without the `known` ones: the paths in their order,
 * what a directory or pattern gives in lexicographic order.
 *
 * Below a directory, and for the wildcards of a pattern, names that begin with "." or "_" are left
 * out (Flink `DefaultFileFilter`), and links to directories are not followed. Throws FILE_NOT_FOUND.
 */
export async function discoverFiles(
  { option, paths, mayBeEmpty }: DiscoveryOptions,
  signal: AbortSignal,
  known: ReadonlySet<string>,
): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  // Two ways to write a path are one file.
  const seen = new Set<string>();
  for (const path of paths) {
    const candidates = await expand(option, path, known);
    if (candidates.length > MAX_PENDING_SPLITS) throw tooMany(path);
    let files = 0;
    for (let i = 0; i < candidates.length; i += AT_ONCE) {
      signal.throwIfAborted();
      const some = candidates.slice(i, i + AT_ONCE);
      const sizes = await Promise.all(some.map((name) => sizeOf(name, known)));
      for (const [j, size] of sizes.entries()) {
        if (size === undefined) continue;
        files++;
        const name = some[j] as string;
        const key = resolve(name);
        if (size === "known" || seen.has(key)) continue;
        seen.add(key);
        found.push({ path: name, ...size });
      }
    }
    if (files === 0 && !mayBeEmpty) throw nothingFound(option, path);
  }
  return found;
}

/** The names that a path stands for, not all of which need be files. */
async function expand(
  option: string,
  path: string,
  known: ReadonlySet<string>,
): Promise<readonly string[]> {
  const name = normalize(path);
  if (known.has(name)) return [name];
  let stats: Stats;
  try {
    stats = await stat(name);
  } catch (error) {
    if (!isMissing(error)) throw unreadable(option, path, error);
    // Loaded on use: it takes 15 ms, and most jobs have no pattern.
    const { isPattern, matches } = await import("./glob-pattern.js");
    if (!isPattern(path)) throw noSuchFile(option, path, error);
    return matches(path);
  }
  if (stats.isFile()) return [name];
  if (!stats.isDirectory()) {
    throw fileNotFound(name, "it is neither a file nor a directory", `Check ${option}.path.`);
  }
  try {
    return (await walk(name)).sort();
  } catch (error) {
    throw unreadable(option, path, error);
  }
}

/** What lies in and below a directory, directories left out. */
async function walk(directory: string): Promise<string[]> {
  const names: string[] = [];
  const directories = [directory];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true })) {
      if (isHidden(entry.name)) continue;
      const name = join(next, entry.name);
      if (entry.isDirectory()) directories.push(name);
      else names.push(name);
    }
  }
  return names;
}

const isHidden = (name: string): boolean => name.startsWith(".") || name.startsWith("_");

/** Undefined for what is no file, or has gone since its directory was read. */
async function sizeOf(
  name: string,
  known: ReadonlySet<string>,
): Promise<{ size: number; modified: number } | "known" | undefined> {
  if (known.has(name)) return "known";
  try {
    const stats = await stat(name);
    return stats.isFile() ? { size: stats.size, modified: stats.mtimeMs } : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function noSuchFile(option: string, path: string, cause: unknown): HeadwaterError {
  const hint = `Check ${option}.path; a relative path starts at the working directory.`;
  return fileNotFound(path, "there is no such file", hint, cause);
}

function nothingFound(option: string, path: string): HeadwaterError {
  return fileNotFound(
    path,
    "it gives no file",
    `Check ${option}.path; names that begin with "." or "_" are left out. With discoveryInterval the source waits for files.`,
  );
}

function unreadable(option: string, path: string, cause: unknown): HeadwaterError {
  const { code } = cause as NodeJS.ErrnoException;
  return fileNotFound(
    path,
    code === "EACCES" || code === "EPERM"
      ? "this user may not read it"
      : `it cannot be read (${code ?? String(cause)})`,
    `Check ${option}.path and the rights of this process.`,
    cause,
  );
}

function tooMany(path: string): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `${path} gives more than ${MAX_PENDING_SPLITS} files`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Name a part of them, or write fewer, larger files.",
    },
  );
}
