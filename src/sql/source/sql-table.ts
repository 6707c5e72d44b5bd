/**
 * The values of a row's key columns as text, so that a checkpoint holds them exactly. What the text
 * means is the database's own.
 */
export type SqlKey = readonly string[];

/** The rows with a key above `after` (null: from the first on), up to and with `to`. */
export interface KeyRange {
  readonly after: SqlKey | null;
  readonly to: SqlKey;
}

/** A row as the driver gives it: the wanted columns, and behind them those of the key. */
export type SqlRow = readonly unknown[];

/** A wanted column; `decode` makes its value of what the driver gives, unless that is null. */
export interface SqlColumn {
  readonly name: string;
  /** Throws for what cannot be a value: the row becomes a bad record. */
  readonly decode?: (raw: never) => unknown;
}

/** Rows in the order of their keys. */
export interface SqlPage {
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly SqlRow[];
  /** Nothing follows in the range. */
  readonly isLast: boolean;
  keyOf(row: SqlRow): SqlKey;
}

/**
 * A table on a connection of its own, one call at a time. What is missing, ambiguous or not allowed
 * is refused by whoever opens it.
 */
export interface SqlTable {
  /** The highest key there is; null: no rows. */
  highest(): Promise<SqlKey | null>;
  /**
   * The key of each `every`-th one of the next `rows` rows of the range; fewer than `rows / every` at
   * its end. `rows` is a multiple of `every`.
   */
  marks(range: KeyRange, rows: number, every: number): Promise<readonly SqlKey[]>;
  /** The first rows of the range; as many as one page has. */
  page(range: KeyRange): Promise<SqlPage>;
  /** Ends a call under way. */
  close(): Promise<void>;
}

/** How a source gets at its table. */
export interface SqlAccess {
  /** The table and its key, for people and in checkpoints: such as `public.flights(id)`. */
  readonly name: string;
  /** Rows that one look for marks may pass over. */
  readonly rowsPerLook: number;
  /** Throws what is wrong with the options, the connection or the table. */
  open(): Promise<SqlTable>;
}

export function isSameKey(a: SqlKey, b: SqlKey): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
