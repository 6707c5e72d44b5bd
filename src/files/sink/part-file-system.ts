import * as fs from "node:fs/promises";

/** A part file that is open for writing; nothing of it is safe before `datasync` has resolved. */
export interface PartFileHandle {
  /** Writes behind what was written before, from byte `offset` of `bytes` on; perhaps not all. */
  write(bytes: Uint8Array, offset: number): Promise<{ readonly bytesWritten: number }>;
  datasync(): Promise<void>;
  /** `nlink`: names that the file has; 0: it was removed. */
  stat(): Promise<{ readonly nlink: number }>;
  close(): Promise<void>;
}

/**
 * What file sinks need of a file system; tests and the simulator give one that fails.
 *
 * Every method rejects with an error whose `code` is the system's (ENOENT, ENOSPC, EIO …).
 */
export interface PartFileSystem {
  /** Creates the directory and its parents; resolves to the topmost one that was new. */
  makeDirectory(path: string): Promise<string | undefined>;
  isDirectory(path: string): Promise<boolean>;
  /** The names in a directory, in no order. */
  readDirectory(path: string): Promise<readonly string[]>;
  /** Creates a file; EEXIST when there is one: nothing is ever overwritten or appended to. */
  createFile(path: string): Promise<PartFileHandle>;
  /** Bytes of a file; undefined: it is not there. */
  sizeOf(path: string): Promise<number | undefined>;
  rename(from: string, to: string): Promise<void>;
  /** Makes new names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Removes a file; nothing there is no error. */
  remove(path: string): Promise<void>;
}

/** The machine's own file system. */
export const nodePartFileSystem: PartFileSystem = {
  makeDirectory: (path) => fs.mkdir(path, { recursive: true }),
  isDirectory: async (path) => (await fs.stat(path)).isDirectory(),
  readDirectory: (path) => fs.readdir(path),
  createFile: (path) => fs.open(path, "wx"),
  async sizeOf(path) {
    try {
      return (await fs.lstat(path)).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  rename: (from, to) => fs.rename(from, to),
  async syncDirectory(path) {
    // Windows cannot open a directory; NTFS journals new names by itself.
    if (process.platform === "win32") return;
    const handle = await fs.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  remove: (path) => fs.rm(path, { force: true }),
};

/** Whether an error says that a file or its directory is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}
