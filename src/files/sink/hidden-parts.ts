import * as fs from "node:fs/promises";
import { join } from "node:path";
import {
  createFile,
  isMissing,
  namesIn,
  nextNumber,
  type PartFile,
  removeFile,
  syncDirectory,
} from "./part-file.js";
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
  #finished = "";

  constructor(options: HiddenPartsOptions) {
    this.#options = options;
  }

  async create(): Promise<PartFile> {
    const { path, prefix, subtask, extension } = this.#options;
    const stem = `${prefix}-${subtask}-`;
    for (let tried = 0; tried < MAX_NAMES_TRIED; tried++) {
      const names = await namesIn(path);
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
    await fs.rename(file.path, join(this.#options.path, this.#finished));
    if (!this.#options.sync) return;
    for (const directory of file.directories) await syncDirectory(directory);
  }

  async abandoned(file: PartFile): Promise<void> {
    // It is hidden: what cannot be removed does no harm.
    await removeFile(file.path).catch(() => {});
  }

  /** Undefined when somebody else was faster. */
  async #tryToCreate(finished: string): Promise<PartFile | undefined> {
    const { path } = this.#options;
    let file: PartFile;
    try {
      file = await createFile(path, inProgressName(finished));
    } catch (error) {
      // A path that is no directory is EEXIST as well.
      const isTaken = (error as NodeJS.ErrnoException).code === "EEXIST";
      if (isTaken && (await fs.stat(path)).isDirectory()) return undefined;
      throw error;
    }
    if (!(await isThere(join(path, finished)))) return file;
    await file.handle.close();
    await this.abandoned(file);
    return undefined;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await fs.lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
