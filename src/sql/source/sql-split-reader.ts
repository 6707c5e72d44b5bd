import type { MetricGroup } from "../../api/metrics.js";
import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../api/split-reader.js";
import { WakeUpSignal } from "../../reader/wake-up-signal.js";
import { type MapRow, NO_ROWS, SqlBatch, type SqlRecord } from "./sql-batch.js";
import { checkSameTable, type SqlSplit } from "./sql-split.js";
import {
  isSameKey,
  type SqlAccess,
  type SqlKey,
  type SqlPage,
  type SqlTable,
} from "./sql-table.js";

interface HeldSplit {
  readonly split: SqlSplit;
  /** The key of the last row that was handed out. */
  after: SqlKey | null;
  paused: boolean;
  /** Read, and not handed out yet. */
  page: SqlPage | undefined;
}

type Rows<T> = RecordsWithSplitIds<SqlRecord<T>>;

/**
 * Owns: the connection of one subtask, its splits and how far each was handed out. Called by: one
 * split fetcher.
 * Invariants: one page is being read at most; rows of a split are handed out once and in order,
 * whatever is paused, dropped or woken up in between. Splits take turns, page by page.
 */
export class SqlSplitReader<T> implements SplitReader<SqlRecord<T>, SqlSplit> {
  readonly #access: SqlAccess;
  readonly #mapRow: MapRow<T> | undefined;
  readonly #metrics: MetricGroup;
  readonly #splits = new Map<string, HeldSplit>();
  readonly #wakeUp = new WakeUpSignal();
  #table: SqlTable | undefined;
  #reading: Promise<void> | undefined;
  #closed = false;

  constructor(access: SqlAccess, mapRow: MapRow<T> | undefined, metrics: MetricGroup) {
    this.#access = access;
    this.#mapRow = mapRow;
    this.#metrics = metrics;
  }

  /** Throws CHECKPOINT_STATE_UNMATCHED for a split of another table. */
  handleSplitsChanges({ type, splits }: SplitsChange<SqlSplit>): void {
    for (const split of splits) {
      if (type === "REMOVAL") {
        this.#splits.delete(split.splitId);
        continue;
      }
      checkSameTable(split.table, this.#access.name);
      const held = { split, after: split.after, paused: false, page: undefined };
      this.#splits.set(split.splitId, held);
    }
  }

  pauseOrResumeSplits(toPause: readonly SqlSplit[], toResume: readonly SqlSplit[]): void {
    this.#setPaused(toPause, true);
    this.#setPaused(toResume, false);
  }

  wakeUp(): void {
    this.#wakeUp.signal();
  }

  /** Waits while every split is paused, and for a page that is being read. */
  async fetch(): Promise<Rows<T>> {
    const held = this.#nextInTurn();
    if (held === undefined) {
      await this.#wakeUp.wait();
      return NO_ROWS;
    }
    if (held.page === undefined) {
      this.#reading ??= this.#startReading(held);
      if (await this.#wakeUp.race(this.#reading)) return NO_ROWS;
      this.#reading = undefined;
    }
    return this.#handOut();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wakeUp.signal();
    const table = this.#table;
    this.#table = undefined;
    await table?.close();
    await this.#reading?.catch(() => {});
    this.#splits.clear();
  }

  #nextInTurn(): HeldSplit | undefined {
    for (const held of this.#splits.values()) if (!held.paused) return held;
    return undefined;
  }

  /** The page that has been read; it may be of a split that was paused or dropped meanwhile. */
  #handOut(): Rows<T> {
    const held = this.#nextInTurn();
    if (held?.page === undefined) return NO_ROWS;
    const { split, page } = held;
    const { splitId } = split;
    const lastRow = page.rows.at(-1);
    if (lastRow !== undefined) held.after = page.keyOf(lastRow);
    const isLast = page.isLast || (held.after !== null && isSameKey(held.after, split.to));
    held.page = undefined;
    this.#splits.delete(splitId);
    // To the end of the line.
    if (!isLast) this.#splits.set(splitId, held);
    return new SqlBatch<T>(splitId, page, isLast, this.#mapRow);
  }

  #startReading(held: HeldSplit): Promise<void> {
    const reading = this.#read(held);
    // An error is thrown by the fetch that waits for it, maybe only by a later one.
    reading.catch(() => {});
    return reading;
  }

  async #read(held: HeldSplit): Promise<void> {
    if (this.#table === undefined) {
      const table = await this.#access.open();
      if (this.#closed) {
        await table.close();
        return;
      }
      this.#table = table;
    }
    const page = await this.#table.page({ after: held.after, to: held.split.to });
    this.#metrics.counter("pagesRead").inc();
    this.#metrics.counter("rowsRead").inc(page.rows.length);
    held.page = page;
  }

  #setPaused(splits: readonly SqlSplit[], paused: boolean): void {
    for (const { splitId } of splits) {
      const held = this.#splits.get(splitId);
      if (held !== undefined) held.paused = paused;
    }
  }
}
