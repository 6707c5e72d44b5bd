import { dirname, join, resolve } from "node:path";
import { isMissing, type PartFileHandle, type PartFileSystem } from "./part-file-system.js";

/** A file that was not there before, open for writing. */
export interface PartFile {
  readonly path: string;
  readonly handle: PartFileHandle;
  /** The topmost directory that was new; undefined: none was. */
  readonly created: string | undefined;
}

/** Others may create files of the same names at the same time, but not for ever. */
const MAX_NAMES_TRIED = 1000;

/**
 * Creates `<prefix><n><suffix>`, and the directory when it is not there; n is above that of every
 * such file which is there. Rejects with the file system's error.
 */
export async function createPartFile(
  fs: PartFileSystem,
  directory: string,
  prefix: string,
  suffix: string,
): Promise<PartFile> {
  const created = await fs.makeDirectory(directory);
  const first = nextNumber(await fs.readDirectory(directory), prefix);
  for (let number = first; number < first + MAX_NAMES_TRIED; number++) {
    const path = join(directory, `${prefix}${number}${suffix}`);
    try {
      const handle = await fs.createFile(path);
      return { path, handle, created };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw new Error(`${MAX_NAMES_TRIED} names from ${prefix}${first} on were taken meanwhile`);
}

/** Creates a file of this name, and the directory when it is not there. Rejects with the file system's error. */
export async function createFile(
  fs: PartFileSystem,
  directory: string,
  name: string,
): Promise<PartFile> {
  const created = await fs.makeDirectory(directory);
  const path = join(directory, name);
  const handle = await fs.createFile(path);
  return { path, handle, created };
}

/** The names in a directory; none when it is not there. */
export async function namesIn(fs: PartFileSystem, path: string): Promise<readonly string[]> {
  try {
    return await fs.readDirectory(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** One more than the highest n of the names `<prefix><n>.…`; 0 when there is none. */
export function nextNumber(names: readonly string[], prefix: string): number {
  let next = 0;
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const number = /^\d{1,15}(?=\.)/.exec(name.slice(prefix.length))?.[0];
    if (number !== undefined) next = Math.max(next, Number(number) + 1);
  }
  return next;
}

/**
 * Makes the names of a directory and of those above it durable: whoever created them may have died
 * before. `created` is the topmost that was new.
 */
export async function syncAbove(
  fs: PartFileSystem,
  directory: string,
  created: string | undefined,
): Promise<void> {
  const topmost = created === undefined ? undefined : dirname(resolve(created));
  for (let path = resolve(directory); path !== dirname(path); ) {
    path = dirname(path);
    const holdsNew = topmost !== undefined && path.length >= topmost.length;
    try {
      await fs.syncDirectory(path);
    } catch (error) {
      if (holdsNew || !CANNOT_BE_SYNCED.has((error as NodeJS.ErrnoException).code ?? "")) {
        throw error;
      }
    }
  }
}

/** What is said of a directory far up that the job may not read or whose file system has no such call. */
const CANNOT_BE_SYNCED: ReadonlySet<string> = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "EINVAL",
  "ENOTSUP",
]);
