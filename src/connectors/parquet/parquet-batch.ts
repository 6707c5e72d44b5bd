import type { RecordsWithSplitIds } from "../../api/split-reader.js";
import type { DecodedRowGroup } from "./row-group.js";

const NONE: ReadonlySet<string> = new Set();

/** No rows: what a fetch gives that was woken up. */
export const EMPTY_BATCH: RecordsWithSplitIds<never> = {
  nextSplit: () => null,
  nextRecordFromSplit: () => null,
  finishedSplits: () => NONE,
};

/** Rows of one split, each made when it is asked for; read in the operator's loop. */
export class ParquetBatch<T> implements RecordsWithSplitIds<T> {
  readonly #splitId: string;
  readonly #names: readonly string[];
  readonly #columns: readonly ArrayLike<unknown>[];
  readonly #end: number;
  readonly #finished: ReadonlySet<string>;
  #row: number;
  #entered = false;

  /** Rows `from` up to, not including, `to` of the row group. */
  constructor(splitId: string, group: DecodedRowGroup, from: number, to: number) {
    this.#splitId = splitId;
    this.#names = group.names;
    this.#columns = group.columns;
    this.#row = from;
    this.#end = to;
    this.#finished = to === group.rows ? new Set([splitId]) : NONE;
  }

  nextSplit(): string | null {
    if (this.#entered || this.#row === this.#end) return null;
    this.#entered = true;
    return this.#splitId;
  }

  nextRecordFromSplit(): T | null {
    if (this.#row === this.#end) return null;
    const row = this.#row++;
    const names = this.#names;
    const columns = this.#columns;
    const record: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const value = (columns[i] as ArrayLike<unknown>)[row];
      // Assigning it would set the prototype instead.
      if (name === "__proto__") define(record, name, value);
      else record[name] = value;
    }
    return record as T;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#finished;
  }
}

function define(record: object, name: string, value: unknown): void {
  Object.defineProperty(record, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}
