import { castBigint, castBoolean, castDate, castInteger, castNumber } from "./csv-casts.js";

/** What the text of a column becomes. */
export type CsvColumnType = "string" | "integer" | "number" | "boolean" | "date" | "bigint";
/** A type, or a function from the text to the value; what it throws makes a bad record. */
export type CsvColumn = CsvColumnType | ((text: string) => unknown);
/** Columns by their name. */
export type CsvColumns = Readonly<Record<string, CsvColumn>>;

interface CsvValues {
  readonly string: string;
  readonly integer: number | null;
  readonly number: number | null;
  readonly boolean: boolean | null;
  readonly date: Date | null;
  readonly bigint: bigint | null;
}

type CsvValue<C> = C extends CsvColumnType
  ? CsvValues[C]
  : C extends (text: string) => infer V
    ? V
    : never;

/** The record that columns give; with a `nullValue`, each of its values may be null. */
export type CsvRecord<C extends CsvColumns, N extends string | undefined = undefined> = {
  -readonly [K in keyof C]: CsvValue<C[K]> | (N extends string ? null : never);
};

/** Makes a value of a text; undefined: the text is none, and `expected` says what one is. */
export interface ColumnCast {
  readonly expected: string;
  readonly cast: (text: string) => unknown;
}

/** One column of a file that goes into the record. */
export interface PlannedColumn {
  readonly name: string;
  /** The field of a row that it is. */
  readonly index: number;
  /** Undefined: the text stays as it is. */
  readonly cast: ColumnCast | undefined;
  /** A function gets the empty text, a type makes null of it. */
  readonly isFunction: boolean;
}

/** How rows become records. */
export interface ColumnPlan {
  /** Fields that a row has. */
  readonly width: number;
  readonly columns: readonly PlannedColumn[];
  readonly nullValue: string | undefined;
}

const CASTS: Readonly<Record<Exclude<CsvColumnType, "string">, ColumnCast>> = {
  integer: { expected: "a whole number within ±(2^53 − 1)", cast: castInteger },
  number: { expected: "a decimal number", cast: castNumber },
  boolean: { expected: "true, false, 1 or 0", cast: castBoolean },
  date: {
    expected: "an ISO 8601 date, such as 2026-01-31 or 2026-01-31T10:00:00Z",
    cast: castDate,
  },
  bigint: { expected: "a whole number of at most 1000 digits", cast: castBigint },
};

/** The column `name` at field `index`. */
export function plannedColumn(name: string, index: number, column: CsvColumn): PlannedColumn {
  const isFunction = typeof column === "function";
  const cast = isFunction
    ? { expected: "what its function takes", cast: column }
    : column === "string"
      ? undefined
      : CASTS[column];
  return { name, index, cast, isFunction };
}
