import * as fs from "node:fs/promises";

/** A file that is being written; nothing of it is safe before `sync` has resolved. */
export interface WritableFile {
  write(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What checkpoint storage needs of a file system; tests and the simulator give one that fails.
 *
 * Every method rejects with an error whose `code` is the system's (ENOENT, ENOSPC, EIO …).
 */
export interface FileSystem {
  /** Creates the directory and its parents; resolves to the topmost one that was new. */
  makeDirectory(path: string): Promise<string | undefined>;
  /** The names in a directory, in no order. */
  readDirectory(path: string): Promise<readonly string[]>;
  readFile(path: string): Promise<Uint8Array>;
  /** Creates a file, or empties it. */
  createFile(path: string): Promise<WritableFile>;
  /** Takes the place of what was at `to`, atomically. */
  rename(from: string, to: string): Promise<void>;
  /** Makes creations and renames in the directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Removes a file, or a directory with what is in it; nothing there is no error. */
  remove(path: string): Promise<void>;
}

/** The machine's own file system. */
export const nodeFileSystem: FileSystem = {
  makeDirectory: (path) => fs.mkdir(path, { recursive: true }),
  readDirectory: (path) => fs.readdir(path),
  readFile: (path) => fs.readFile(path),
  async createFile(path) {
    const handle = await fs.open(path, "w");
    return {
      write: (bytes) => handle.writeFile(bytes),
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  rename: (from, to) => fs.rename(from, to),
  async syncDirectory(path) {
    // Windows cannot open a directory; NTFS journals renames by itself.
    if (process.platform === "win32") return;
    const handle = await fs.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  remove: (path) => fs.rm(path, { recursive: true, force: true }),
};
