import type { Cancel, ProcessingTimeService } from "../../../mailbox/ports.js";
import { type RecordBatchReader, RecordColumns } from "../records/index.js";
import type { PartitionRecords } from "./assigned-partition.js";
import { backOff } from "./back-off.js";
import { mayRetry } from "./fetch-errors.js";
import { type DecodeOptions, readerOf } from "./kafka-fetch.js";

/** What has to be loaded before a key or value can be decoded, since decoding does not wait. */
export interface FieldPreparation {
  /** The id of what is not loaded yet; undefined: the field can be decoded. */
  missing(bytes: Buffer, start: number, end: number): number | undefined;
  /** Rejects when that may go well later (tried again), or never. */
  load(ids: ReadonlySet<number>): Promise<void>;
}

/** Loads what the records of a batch need; undefined: nothing is missing. */
export type PrepareColumns = (columns: RecordColumns) => Promise<void> | undefined;

/** The loading for keys and values; undefined: none of them needs any. */
export function prepareColumns(
  key: FieldPreparation | undefined,
  value: FieldPreparation | undefined,
): PrepareColumns | undefined {
  if (key === undefined && value === undefined) return undefined;
  return (columns) => {
    const ofKeys = key && missingIn(columns, key, "key");
    const ofValues = value && missingIn(columns, value, "value");
    if (ofKeys === undefined) return ofValues && value?.load(ofValues);
    if (ofValues === undefined) return key?.load(ofKeys);
    return Promise.all([key?.load(ofKeys), value?.load(ofValues)]).then(() => {});
  };
}

function missingIn(
  columns: RecordColumns,
  field: FieldPreparation,
  name: "key" | "value",
): ReadonlySet<number> | undefined {
  const { bytes, count } = columns;
  let ids: Set<number> | undefined;
  for (let i = 0; i < count; i++) {
    const length = name === "key" ? columns.keyLength(i) : columns.valueLength(i);
    if (length < 0) continue;
    const start = name === "key" ? columns.keyStart(i) : columns.valueStart(i);
    const id = field.missing(bytes, start, start + length);
    if (id !== undefined) ids = (ids ?? new Set()).add(id);
  }
  return ids;
}

/** What a preparation uses besides. */
interface PreparationParts {
  readonly timers: ProcessingTimeService;
  readonly counts: { fetchFailed(): void };
}

/** About seven seconds; then the restart strategy decides. */
const MAX_TRIES = 10;

/**
 * Loads what fetched records need, before they are handed over.
 *
 * Owns: the pauses between tries. Called by: one split reader, one call at a time.
 */
export class RecordPreparation {
  readonly #prepare: PrepareColumns;
  readonly #parts: PreparationParts;
  readonly #columns = new RecordColumns();
  #endRest: (() => void) | undefined;
  #isClosed = false;

  constructor(prepare: PrepareColumns, parts: PreparationParts) {
    this.#prepare = prepare;
    this.#parts = parts;
  }

  /** Resolves when all of it can be decoded; rejects with the last error when that was tried often enough. */
  async run(records: readonly PartitionRecords[], decode: DecodeOptions): Promise<void> {
    for (const part of records) {
      // Reading the records checks it, and what else is wrong with a batch.
      const reader = readerOf(part, { ...decode, checkCrcs: false });
      if (reader === undefined) continue;
      while (next(reader, this.#columns)) {
        const loading = this.#prepare(this.#columns);
        if (loading !== undefined) await this.#retry(loading);
        if (this.#isClosed) return;
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#endRest?.();
  }

  async #retry(first: Promise<void>): Promise<void> {
    let loading: Promise<void> | undefined = first;
    for (let tries = 1; ; tries++) {
      try {
        await loading;
        return;
      } catch (error) {
        if (this.#isClosed) return;
        if (!mayRetry(error) || tries === MAX_TRIES) throw error;
        this.#parts.counts.fetchFailed();
      }
      await this.#rest(backOff(tries));
      if (this.#isClosed) return;
      loading = this.#prepare(this.#columns);
    }
  }

  #rest(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#endRest = undefined;
        cancel();
        resolve();
      };
      const cancel: Cancel = this.#parts.timers.registerTimer(delay, end);
      this.#endRest = end;
    });
  }
}

function next(reader: RecordBatchReader, columns: RecordColumns): boolean {
  try {
    return reader.nextColumns(columns) !== undefined;
  } catch {
    return false;
  }
}
