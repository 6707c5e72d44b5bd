import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { extname } from "node:path";

/** Where a record's bytes go; the real one is a file, tests have their own. */
export interface RecordStore {
  /** Appends; resolves when it may be called again. */
  write(text: string): Promise<void>;
  /** Puts what was written aside and begins anew; of those put aside `kept` stay. */
  rotate(kept: number): Promise<void>;
  close(): Promise<void>;
}

/** A file, which is written anew; those put aside have a number before their ending. */
export class RecordFile implements RecordStore {
  readonly #path: string;
  #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Rejects with a system error. Only its owner may read it: events hold data of the job. */
  static async open(path: string): Promise<RecordFile> {
    return new RecordFile(path, await openAnew(path));
  }

  async write(text: string): Promise<void> {
    await this.#file.writeFile(text, "utf8");
  }

  async rotate(kept: number): Promise<void> {
    await this.#file.close();
    if (kept > 0) await rm(asidePath(this.#path, kept), { force: true });
    for (let number = kept - 1; number >= 1; number--) {
      await rename(asidePath(this.#path, number), asidePath(this.#path, number + 1)).catch(
        () => {},
      );
    }
    if (kept > 0) await rename(this.#path, asidePath(this.#path, 1));
    this.#file = await openAnew(this.#path);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** One that was there keeps its mode when it is opened. */
async function openAnew(path: string): Promise<FileHandle> {
  const file = await open(path, "w", 0o600);
  // A pipe is the reader's; some file systems have no modes.
  if ((await file.stat()).isFile()) await file.chmod(0o600).catch(() => {});
  return file;
}

/** `run.ndjson` → `run.2.ndjson`. */
export function asidePath(path: string, number: number): string {
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}.${number}${ending}`;
}
