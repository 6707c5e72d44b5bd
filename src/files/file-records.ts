import type { RecordsWithSplitIds } from "../api/split-reader.js";
import type { FileBatch, FileRecord, FileRun } from "./file-format.js";

const NONE: ReadonlySet<string> = new Set();

/** No records: what a fetch gives that was woken up. */
export const NO_RECORDS: RecordsWithSplitIds<never> = {
  nextSplit: () => null,
  nextRecordFromSplit: () => null,
  finishedSplits: () => NONE,
};

/** Splits that have ended, without further records. */
export function finished(splitIds: Iterable<string>): RecordsWithSplitIds<never> {
  const finishedSplits = new Set(splitIds);
  return { ...NO_RECORDS, finishedSplits: () => finishedSplits };
}

/** The records of one batch of a format; each is put into the same place. */
export class FileRecords<T> implements RecordsWithSplitIds<FileRecord<T>> {
  readonly #splitId: string;
  readonly #batch: FileBatch<T>;
  readonly #record: FileRecord<T>;
  readonly #onRecycled: () => void;
  #entered = false;

  constructor(splitId: string, batch: FileBatch<T>, record: FileRecord<T>, onRecycled: () => void) {
    this.#splitId = splitId;
    this.#batch = batch;
    this.#record = record;
    this.#onRecycled = onRecycled;
  }

  nextSplit(): string | null {
    if (this.#entered) return null;
    this.#entered = true;
    return this.#splitId;
  }

  nextRecordFromSplit(): FileRecord<T> | null {
    return this.#batch.next(this.#record) ? this.#record : null;
  }

  get run(): FileRun<T> | undefined {
    return this.#batch.run;
  }

  finishedSplits(): ReadonlySet<string> {
    return NONE;
  }

  recycle(): void {
    this.#batch.recycle?.();
    this.#onRecycled();
  }
}
