import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** A file that was not there before, open for writing. */
export interface PartFile {
  readonly path: string;
  readonly handle: fs.FileHandle;
  /** Directories that are to be synced to make the file's name durable. */
  readonly directories: readonly string[];
}

/** Others may create files of the same names at the same time, but not for ever. */
const MAX_NAMES_TRIED = 1000;

/**
 * Creates `<prefix><n><suffix>`, and the directory when it is not there; n is above that of every
 * such file which is there. Rejects with the file system's error.
 */
export async function createPartFile(
  directory: string,
  prefix: string,
  suffix: string,
): Promise<PartFile> {
  const created = await fs.mkdir(directory, { recursive: true });
  const first = nextNumber(await fs.readdir(directory), prefix);
  for (let number = first; number < first + MAX_NAMES_TRIED; number++) {
    const path = join(directory, `${prefix}${number}${suffix}`);
    try {
      // Fails when the file is there: nothing is ever overwritten or appended to.
      const handle = await fs.open(path, "wx");
      return { path, handle, directories: directoriesChanged(directory, created) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw new Error(`${MAX_NAMES_TRIED} names from ${prefix}${first} on were taken meanwhile`);
}

/** Creates a file of this name, and the directory when it is not there. Rejects with the file system's error. */
export async function createFile(directory: string, name: string): Promise<PartFile> {
  const created = await fs.mkdir(directory, { recursive: true });
  const path = join(directory, name);
  const handle = await fs.open(path, "wx");
  return { path, handle, directories: directoriesChanged(directory, created) };
}

/** Whether an error says that a file or its directory is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}

/** Removes a file; it may have gone. */
export async function removeFile(path: string): Promise<void> {
  await fs.rm(path, { force: true });
}

/** The names in a directory; none when it is not there. */
export async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await fs.readdir(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Makes new names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory; NTFS journals new names by itself.
  if (process.platform === "win32") return;
  const handle = await fs.open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
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

/** The directory, and those above that have a new one in them; `created` is the topmost new one. */
function directoriesChanged(directory: string, created: string | undefined): readonly string[] {
  let path = resolve(directory);
  const changed = [path];
  if (created === undefined) return changed;
  const last = dirname(resolve(created));
  while (path !== last && path !== dirname(path)) {
    path = dirname(path);
    changed.push(path);
  }
  return changed;
}
