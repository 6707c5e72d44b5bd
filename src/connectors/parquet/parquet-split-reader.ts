import type { MetricGroup } from "../../api/metrics.js";
import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../api/split-reader.js";
import { HeadwaterError } from "../../errors/index.js";
import { type FileMetrics, fileChanged, NO_RECORDS, type OpenFile } from "../../files/index.js";
import { WakeUpSignal } from "../../reader/wake-up-signal.js";
import type { ParsedParquetOptions } from "./options.js";
import { ParquetBatch, type ParquetRow, unreadableRows } from "./parquet-batch.js";
import { loadParquetDriver, type ParquetDriver } from "./parquet-driver.js";
import { type ParquetFooter, readFooter, withFile } from "./parquet-file.js";
import type { ParquetSplit } from "./parquet-split.js";
import { type DecodedRowGroup, decodeRowGroup } from "./row-group.js";

/** Footers that are kept parsed; splits of one file come one after the other. */
const MAX_FOOTERS = 16;

interface HeldSplit {
  readonly split: ParquetSplit;
  readonly rows: number;
  /** The next row of the row group to hand out. */
  next: number;
  paused: boolean;
  /** It has handed out its first batch, so its event time is known. */
  started: boolean;
  /** Undefined while it is not decoded. */
  group: DecodedRowGroup | undefined;
  /** Set when it cannot be decoded. */
  failure: HeadwaterError | undefined;
}

type Rows<T> = RecordsWithSplitIds<ParquetRow<T>>;

/**
 * Owns: the splits of one subtask, their decoded columns and how far each was handed out. Called by:
 * one split fetcher.
 * Invariants: rows of a split are handed out once and in order, whatever is paused, dropped or woken
 * up in between; at most `maxDecodedRowGroups` are decoded, one at a time.
 *
 * Splits take turns, batch by batch. Each gets its first turn before any gets a second one, because
 * nothing can be aligned before every split's event time is known; after that only as many take
 * turns as may be decoded at a time.
 */
export class ParquetSplitReader<T> implements SplitReader<ParquetRow<T>, ParquetSplit> {
  readonly #options: ParsedParquetOptions;
  readonly #metrics: MetricGroup;
  readonly #fileMetrics: FileMetrics;
  readonly #splits = new Map<string, HeldSplit>();
  readonly #footers = new Map<string, ParquetFooter>();
  readonly #wakeUp = new WakeUpSignal();
  readonly #closing = new AbortController();
  #decoding: { readonly held: HeldSplit; readonly done: Promise<void> } | undefined;

  constructor(options: ParsedParquetOptions, metrics: MetricGroup, fileMetrics: FileMetrics) {
    this.#options = options;
    this.#metrics = metrics;
    this.#fileMetrics = fileMetrics;
    metrics.gauge("decodedRowGroups", () => this.#decodedCount());
  }

  handleSplitsChanges(change: SplitsChange<ParquetSplit>): void {
    for (const split of change.splits) {
      if (change.type === "REMOVAL") {
        this.#splits.delete(split.splitId);
        continue;
      }
      this.#splits.set(split.splitId, {
        split,
        rows: split.rowEnd - split.rowStart,
        next: split.position,
        paused: false,
        started: false,
        group: undefined,
        failure: undefined,
      });
    }
  }

  pauseOrResumeSplits(toPause: readonly ParquetSplit[], toResume: readonly ParquetSplit[]): void {
    this.#setPaused(toPause, true);
    this.#setPaused(toResume, false);
  }

  wakeUp(): void {
    this.#wakeUp.signal();
  }

  /** Waits while every split is paused, and for a row group that is being decoded. */
  fetch(): Rows<T> | Promise<Rows<T>> {
    const held = this.#nextInTurn();
    if (held !== undefined && isReady(held)) return this.#handOut(held);
    return this.#wait(held);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wakeUp.signal();
    await this.#decoding?.done.catch(() => {});
    this.#splits.clear();
    this.#footers.clear();
  }

  async #wait(held: HeldSplit | undefined): Promise<Rows<T>> {
    if (held === undefined) {
      await this.#wakeUp.wait();
      return NO_RECORDS;
    }
    this.#decoding ??= this.#startDecoding(held);
    const { held: decoded, done } = this.#decoding;
    const woken = await this.#wakeUp.race(done);
    if (woken) return NO_RECORDS;
    this.#decoding = undefined;
    return decoded === held && isReady(held) ? this.#handOut(held) : NO_RECORDS;
  }

  #nextInTurn(): HeldSplit | undefined {
    let first: HeldSplit | undefined;
    let firstDecoded: HeldSplit | undefined;
    let decoded = 0;
    for (const held of this.#splits.values()) {
      if (held.paused) continue;
      if (!held.started) return held;
      first ??= held;
      if (held.group === undefined) continue;
      firstDecoded ??= held;
      decoded++;
    }
    return decoded < this.#options.maxDecodedRowGroups ? first : firstDecoded;
  }

  #handOut(held: HeldSplit): Rows<T> {
    const { next: from, failure } = held;
    const { splitId } = held.split;
    if (failure !== undefined) {
      this.#splits.delete(splitId);
      return unreadableRows(splitId, from, held.rows, failure);
    }
    const to = Math.min(from + this.#options.batchSize, held.rows);
    held.next = to;
    held.started = true;
    this.#splits.delete(splitId);
    // To the end of the line.
    if (to < held.rows) this.#splits.set(splitId, held);
    const group = held.group ?? { rows: held.rows, names: [], columns: [], badRows: undefined };
    return new ParquetBatch<T>(splitId, group, from, to);
  }

  #startDecoding(held: HeldSplit): { held: HeldSplit; done: Promise<void> } {
    this.#makeRoom(held);
    const done = this.#decode(held);
    // An error is thrown by the fetch that waits for it, maybe only by a later one.
    done.catch(() => {});
    return { held, done };
  }

  async #decode(held: HeldSplit): Promise<void> {
    const { split } = held;
    const driver = await loadParquetDriver();
    const { path, rowGroup, rowStart, rowEnd } = split;
    const read = await withFile(split, this.#options, this.#fileMetrics, async (file) => {
      const footer = await this.#footer(driver, file);
      const [start, end] = footer.rowStarts.slice(rowGroup, rowGroup + 2);
      if (start !== rowStart || end !== rowEnd) {
        throw fileChanged(path, `row group ${rowGroup} has other rows now than when it was found`);
      }
      const source = { driver, file, footer, rowGroup, rowStart, rowEnd };
      return decodeRowGroup(source, this.#options, this.#closing.signal).catch(asFileCorrupt);
    });
    if (read instanceof HeadwaterError) {
      held.failure = read;
      return;
    }
    held.group = read;
    this.#metrics.counter("rowGroupsDecoded").inc();
  }

  async #footer(driver: ParquetDriver, file: OpenFile): Promise<ParquetFooter> {
    const { path } = file;
    const known = this.#footers.get(path);
    if (known !== undefined) return known;
    const footer = await readFooter(driver, file);
    const oldest = this.#footers.keys().next().value;
    if (this.#footers.size >= MAX_FOOTERS && oldest !== undefined) this.#footers.delete(oldest);
    this.#footers.set(path, footer);
    return footer;
  }

  /** Drops decoded row groups, paused ones first; they are decoded again later. */
  #makeRoom(next: HeldSplit): void {
    const decoded = [...this.#splits.values()]
      .filter((held) => held !== next && held.group !== undefined)
      .sort((a, b) => Number(a.paused) - Number(b.paused));
    while (decoded.length >= this.#options.maxDecodedRowGroups) {
      const last = decoded.pop();
      if (last === undefined) return;
      last.group = undefined;
      this.#metrics.counter("rowGroupsDropped").inc();
    }
  }

  #setPaused(splits: readonly ParquetSplit[], paused: boolean): void {
    for (const { splitId } of splits) {
      const held = this.#splits.get(splitId);
      if (held !== undefined) held.paused = paused;
    }
  }

  #decodedCount(): number {
    let count = 0;
    for (const held of this.#splits.values()) if (held.group !== undefined) count++;
    return count;
  }
}

/** It can be handed out: rows, an error, or just its end. */
function isReady({ group, failure, next, rows }: HeldSplit): boolean {
  return group !== undefined || failure !== undefined || next === rows;
}

/** The error of a row group that cannot be decoded, as a value; throws any other. */
function asFileCorrupt(error: unknown): HeadwaterError {
  if (error instanceof HeadwaterError && error.code === "FILE_CORRUPT") return error;
  throw error;
}
