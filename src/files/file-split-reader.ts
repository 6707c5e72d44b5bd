import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../api/split-reader.js";
import { WakeUpSignal } from "../reader/wake-up-signal.js";
import { DiskFile, type FileMetrics } from "./disk-file.js";
import type { FileBatch, FileFormat, FileRecord, FormatReader } from "./file-format.js";
import { FileRecords, finished, NO_RECORDS } from "./file-records.js";
import type { ParsedFileSourceOptions } from "./file-source-options.js";
import type { FileSplit } from "./file-split.js";

/** Files that one subtask keeps open: the one that is read, and paused ones. */
const MAX_OPEN_FILES = 16;

interface HeldSplit<T> {
  readonly split: FileSplit;
  /** What the records are put into; it knows where reading stands when all batches have been read. */
  readonly record: FileRecord<T>;
  paused: boolean;
  removed: boolean;
  /** Undefined while it is not open. */
  open: { readonly file: DiskFile; readonly reader: FormatReader<T> } | undefined;
  /** The batch that was read ahead. */
  ready: FileBatch<T> | undefined;
  /** Batches that were handed out and have not come back. */
  unread: number;
  /** Everything has been handed out, from a file that has not changed. */
  ended: boolean;
  failure: { readonly error: unknown } | undefined;
}

/**
 * Reads one split after the other, each to its end (Flink `FileSourceSplitReader`); one that is paused
 * is put aside and goes on later where it was.
 *
 * Owns: the splits of one subtask, their open files and the batch that is read ahead. Called by: one
 * split fetcher.
 * Invariants: records of a split are handed out once and in order; one call of a format at a time;
 * while a batch is being read in the operator's loop the next one is on its way from disk.
 */
export class FileSplitReader<T> implements SplitReader<FileRecord<T>, FileSplit> {
  readonly #options: ParsedFileSourceOptions;
  readonly #format: FileFormat<T>;
  readonly #metrics: FileMetrics;
  readonly #maxOpenFiles: number;
  readonly #splits = new Map<string, HeldSplit<T>>();
  /** Splits that were taken away, which the next batch says. */
  #removed: string[] = [];
  #current: HeldSplit<T> | undefined;
  #prepared: Promise<void> | undefined;
  /** What is being done now; it never fails. */
  #work: { readonly held: HeldSplit<T>; readonly done: Promise<void> } | undefined;
  /** Done when the files of removed splits are closed. */
  #shutting: Promise<unknown> = Promise.resolve();
  readonly #wakeUp = new WakeUpSignal();
  #closed = false;

  constructor(
    options: ParsedFileSourceOptions,
    format: FileFormat<T>,
    metrics: FileMetrics,
    maxOpenFiles = MAX_OPEN_FILES,
  ) {
    this.#options = options;
    this.#format = format;
    this.#metrics = metrics;
    this.#maxOpenFiles = maxOpenFiles;
  }

  handleSplitsChanges({ type, splits }: SplitsChange<FileSplit>): void {
    for (const split of splits) {
      if (type === "ADDITION") this.#splits.set(split.splitId, hold(split));
      else this.#remove(split.splitId);
    }
  }

  pauseOrResumeSplits(toPause: readonly FileSplit[], toResume: readonly FileSplit[]): void {
    this.#setPaused(toPause, true);
    this.#setPaused(toResume, false);
  }

  wakeUp(): void {
    this.#wakeUp.signal();
  }

  /** Returns at once when the next batch has been read ahead; waits while every split is paused. */
  fetch(): RecordsWithSplitIds<FileRecord<T>> | Promise<RecordsWithSplitIds<FileRecord<T>>> {
    return this.#handOut() ?? this.#wait();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.wakeUp();
    // A format that reads on for long finds the file closed.
    await this.#work?.held.open?.file.close();
    await this.#work?.done;
    await this.#shutting;
    for (const held of this.#splits.values()) await this.#shut(held);
    this.#splits.clear();
  }

  async #wait(): Promise<RecordsWithSplitIds<FileRecord<T>>> {
    if (this.#work === undefined) {
      await this.#wakeUp.wait();
      return NO_RECORDS;
    }
    const isWoken = await this.#wakeUp.race(this.#work.done);
    return isWoken ? NO_RECORDS : (this.#handOut() ?? NO_RECORDS);
  }

  /** What there is now, and starts to read what comes next; throws when reading the split has failed. */
  #handOut(): RecordsWithSplitIds<FileRecord<T>> | undefined {
    if (this.#removed.length > 0) {
      const removed = this.#removed;
      this.#removed = [];
      return finished(removed);
    }
    const held = this.#turn();
    if (held === undefined) return undefined;
    const { ready, failure } = held;
    if (ready === undefined) {
      if (failure !== undefined) throw failure.error;
      if (!held.ended) {
        this.#start(held);
        return undefined;
      }
      this.#splits.delete(held.split.splitId);
      this.#current = undefined;
      return finished([held.split.splitId]);
    }
    held.ready = undefined;
    held.unread++;
    this.#start(held);
    return new FileRecords(held.split.splitId, ready, held.record, () => {
      held.unread--;
    });
  }

  /** The split being read, or, when it is paused or at its end, the first that can be read. */
  #turn(): HeldSplit<T> | undefined {
    const current = this.#current;
    if (current !== undefined && !current.paused && !current.removed) return current;
    this.#current = undefined;
    for (const held of this.#splits.values()) {
      if (held.paused) continue;
      this.#current = held;
      break;
    }
    return this.#current;
  }

  #start(held: HeldSplit<T>): void {
    if (this.#work !== undefined || this.#closed || held.ended || held.failure !== undefined)
      return;
    const done = this.#read(held)
      .catch((error: unknown) => {
        held.failure = { error };
        return this.#shut(held);
      })
      .catch(() => {})
      .then(() => {
        this.#work = undefined;
      });
    this.#work = { held, done };
  }

  async #read(held: HeldSplit<T>): Promise<void> {
    if (held.open === undefined) await this.#open(held);
    const batch = await held.open?.reader.read();
    if (held.removed || this.#closed) {
      batch?.recycle?.();
      await this.#shut(held);
    } else if (batch === undefined) {
      await held.open?.file.check();
      await this.#shut(held);
      held.ended = true;
    } else {
      held.ready = batch;
    }
  }

  async #open(held: HeldSplit<T>): Promise<void> {
    this.#prepared ??= this.#format.prepare?.() ?? Promise.resolve();
    await this.#prepared;
    await this.#makeRoom();
    const { split, record } = held;
    const file = await DiskFile.open(split, this.#options, this.#metrics);
    try {
      const { position, skip } = record;
      const reader = await this.#format.open(file, { ...split, position, skip });
      held.open = { file, reader };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Closes files of splits that wait, where everything handed out has been read. */
  async #makeRoom(): Promise<void> {
    const open = [...this.#splits.values()].filter((held) => held.open !== undefined);
    let tooMany = open.length + 1 - this.#maxOpenFiles;
    for (const held of open) {
      if (tooMany <= 0) return;
      if (held.unread > 0) continue;
      await this.#shut(held);
      tooMany--;
    }
  }

  /** Closes a split's file; what was read ahead is read again when it goes on. */
  async #shut(held: HeldSplit<T>): Promise<void> {
    const { open, ready } = held;
    held.open = undefined;
    held.ready = undefined;
    ready?.recycle?.();
    try {
      await open?.reader.close?.();
    } finally {
      await open?.file.close();
    }
  }

  #remove(splitId: string): void {
    const held = this.#splits.get(splitId);
    if (held === undefined) return;
    this.#splits.delete(splitId);
    this.#removed.push(splitId);
    held.removed = true;
    // Otherwise it is closed when what is being done with it is done.
    if (this.#work?.held === held) return;
    const shut = this.#shut(held).catch(() => {});
    this.#shutting = Promise.all([this.#shutting, shut]);
  }

  #setPaused(splits: readonly FileSplit[], paused: boolean): void {
    for (const { splitId } of splits) {
      const held = this.#splits.get(splitId);
      if (held !== undefined) held.paused = paused;
    }
  }
}

function hold<T>(split: FileSplit): HeldSplit<T> {
  const { position, skip } = split;
  return {
    split,
    record: { value: undefined as T, position, skip, bad: undefined },
    paused: false,
    removed: false,
    open: undefined,
    ready: undefined,
    unread: 0,
    ended: false,
    failure: undefined,
  };
}
