import type { UnreadableInput } from "../../api/bad-record.js";
import type { RecordsWithSplitIds } from "../../api/split-reader.js";
import type { DecodedRowGroup } from "./row-group.js";

const NONE: ReadonlySet<string> = new Set();
const NO_BYTES = new Uint8Array(0);

/** A place for one row, used again for the next. */
export interface ParquetRow<T> {
  /** Counts only while `bad` is undefined. */
  value: T;
  /** The row of the row group where a restored split goes on. */
  position: number;
  /** Set for what could not be read. */
  bad: Omit<UnreadableInput, "splitId"> | undefined;
}

/** Rows of one split, each made when it is asked for; read in the operator's loop. */
export class ParquetBatch<T> implements RecordsWithSplitIds<ParquetRow<T>> {
  readonly #splitId: string;
  readonly #group: DecodedRowGroup;
  readonly #end: number;
  readonly #place: ParquetRow<T>;
  #row: number;
  #entered = false;

  /** Rows `from` up to, not including, `to` of the row group. */
  constructor(splitId: string, group: DecodedRowGroup, from: number, to: number) {
    this.#splitId = splitId;
    this.#group = group;
    this.#row = from;
    this.#end = to;
    this.#place = { value: undefined as T, position: from, bad: undefined };
  }

  nextSplit(): string | null {
    if (this.#entered || this.#row === this.#end) return null;
    this.#entered = true;
    return this.#splitId;
  }

  nextRecordFromSplit(): ParquetRow<T> | null {
    if (this.#row === this.#end) return null;
    const row = this.#row++;
    const { names, columns, badRows } = this.#group;
    const place = this.#place;
    place.position = row + 1;
    place.bad = undefined;
    const error = badRows?.errorOf(row);
    if (error !== undefined) {
      place.bad = { position: row, raw: NO_BYTES, rawLength: 0, error };
      return place;
    }
    const record: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const value = (columns[i] as ArrayLike<unknown>)[row];
      // Assigning it would set the prototype instead.
      if (name === "__proto__") define(record, name, value);
      else record[name] = value;
    }
    place.value = record as T;
    return place;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#end === this.#group.rows ? new Set([this.#splitId]) : NONE;
  }
}

/** The end of a split whose row group cannot be decoded: one bad record in place of all its rows left. */
export function unreadableRows<T>(
  splitId: string,
  from: number,
  rows: number,
  error: unknown,
): RecordsWithSplitIds<ParquetRow<T>> {
  const bad = { position: from, raw: NO_BYTES, rawLength: 0, error };
  const entries: ParquetRow<T>[] = [{ value: undefined as T, position: rows, bad }];
  const splits = [splitId];
  return {
    nextSplit: () => splits.pop() ?? null,
    nextRecordFromSplit: () => entries.pop() ?? null,
    finishedSplits: () => new Set([splitId]),
  };
}

function define(record: object, name: string, value: unknown): void {
  Object.defineProperty(record, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}
