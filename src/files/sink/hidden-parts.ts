import { join } from "node:path";
import { createFile, namesIn, nextNumber, type PartFile } from "./part-file.js";
import { nodePartFileSystem, type PartFileSystem } from "./part-file-system.js";
import type { PartFiles } from "./part-file-writer.js";
import { inProgressName } from "./part-names.js";

/** Where hidden parts go. */
export interface HiddenPartsOptions {
  readonly path: string;
  readonly prefix: string;
  readonly subtask: number;
  /** Without a dot. */
  readonly extension: string;
  readonly sync: boolean;
  /** Default: the machine's. */
  readonly fileSystem?: PartFileSystem;
}

/** Others may take names at the same time, but not for ever. */
const MAX_NAMES_TRIED = 1000;

/**
 * Part files that get their names, `part-<subtask>-<n>.parquet`, as soon as they are whole.
 *
 * Owns: the name of the file in progress. Called by: a part file writer, one call at a time.
 * Invariants: nothing is overwritten; who has created the file in progress n, and has seen that there
 * is no finished n then, is the only one that may finish n.
 */
export class HiddenParts implements PartFiles {
  readonly #options: HiddenPartsOptions;
  readonly #fs: PartFileSystem;
  #finished = "";

  constructor(options: HiddenPartsOptions) {
    this.#options = options;
    this.#fs = options.fileSystem ?? nodePartFileSystem;
  }

  async create(): Promise<PartFile> {
    const { path, prefix, subtask, extension } = this.#options;
    const stem = `${prefix}-${subtask}-`;
    for (let tried = 0; tried < MAX_NAMES_TRIED; tried++) {
      const names = await namesIn(this.#fs, path);
      const number = Math.max(nextNumber(names, stem), nextNumber(names, `.${stem}`));
      const finished = `${stem}${number}.${extension}`;
      const file = await this.#tryToCreate(finished);
      if (file === undefined) continue;
      this.#finished = finished;
      return file;
    }
    throw new Error(`${MAX_NAMES_TRIED} names of ${stem} files were taken meanwhile`);
  }

  async finished(file: PartFile): Promise<void> {
    await this.#fs.rename(file.path, join(this.#options.path, this.#finished));
    if (this.#options.sync) await this.#fs.syncDirectory(this.#options.path);
  }

  async abandoned(file: PartFile): Promise<void> {
    // It is hidden: what cannot be removed does no harm.
    await this.#fs.remove(file.path).catch(() => {});
  }

  /** Undefined when somebody else was faster. */
  async #tryToCreate(finished: string): Promise<PartFile | undefined> {
    const { path } = this.#options;
    let file: PartFile;
    try {
      file = await createFile(this.#fs, path, inProgressName(finished));
    } catch (error) {
      // A path that is no directory is EEXIST as well.
      const isTaken = (error as NodeJS.ErrnoException).code === "EEXIST";
      if (isTaken && (await this.#fs.isDirectory(path))) return undefined;
      throw error;
    }
    if ((await this.#fs.sizeOf(join(path, finished))) === undefined) return file;
    await file.handle.close();
    await this.abandoned(file);
    return undefined;
  }
}
