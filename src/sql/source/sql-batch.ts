import type { RecordsWithSplitIds } from "../../api/split-reader.js";
import type { SqlColumn, SqlPage, SqlRow } from "./sql-table.js";

const NONE: ReadonlySet<string> = new Set();

/** What the user's function gets: a row with a property a column. */
export type RowObject = Readonly<Record<string, unknown>>;
export type MapRow<T> = (row: RowObject) => T;

/** A place for one row, used again for the next. */
export interface SqlRecord<T> {
  /** Counts only while `error` is undefined. */
  value: T;
  readonly page: SqlPage;
  row: SqlRow;
  /** What made of the row a bad record; wrapped, as anything can be thrown. */
  bad: { readonly error: unknown } | undefined;
}

/** The rows of one page, each made when it is asked for; read in the operator's loop. */
export class SqlBatch<T> implements RecordsWithSplitIds<SqlRecord<T>> {
  readonly #splitId: string;
  readonly #rows: readonly SqlRow[];
  readonly #columns: readonly SqlColumn[];
  readonly #isLast: boolean;
  readonly #mapRow: MapRow<T> | undefined;
  readonly #place: SqlRecord<T>;
  #next = 0;
  #entered = false;

  constructor(splitId: string, page: SqlPage, isLast: boolean, mapRow: MapRow<T> | undefined) {
    this.#splitId = splitId;
    this.#rows = page.rows;
    this.#columns = page.columns;
    this.#isLast = isLast;
    this.#mapRow = mapRow;
    this.#place = { value: undefined as T, page, row: [], bad: undefined };
  }

  nextSplit(): string | null {
    if (this.#entered || this.#rows.length === 0) return null;
    this.#entered = true;
    return this.#splitId;
  }

  nextRecordFromSplit(): SqlRecord<T> | null {
    const row = this.#rows[this.#next];
    if (row === undefined) return null;
    this.#next++;
    const place = this.#place;
    place.row = row;
    place.bad = undefined;
    try {
      const object = toObject(this.#columns, row);
      place.value = this.#mapRow === undefined ? (object as T) : this.#mapRow(object);
    } catch (error) {
      place.bad = { error };
    }
    return place;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#isLast ? new Set([this.#splitId]) : NONE;
  }
}

/** A batch without anything. */
export const NO_ROWS: RecordsWithSplitIds<never> = {
  nextSplit: () => null,
  nextRecordFromSplit: () => null,
  finishedSplits: () => NONE,
};

function toObject(columns: readonly SqlColumn[], row: SqlRow): RowObject {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < columns.length; i++) {
    const { name, decode } = columns[i] as SqlColumn;
    const raw = row[i];
    const value = raw === null || decode === undefined ? raw : decode(raw as never);
    // Assigning it would set the prototype instead.
    if (name === "__proto__") define(object, name, value);
    else object[name] = value;
  }
  return object;
}

function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}
