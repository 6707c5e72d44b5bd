import type { SchemaElement } from "hyparquet";
import { RecordRefused, typeName } from "../../files/sink/record-encoder.js";

/** What a column of a file holds. */
export type ParquetColumnType = keyof typeof KINDS;

/** A column: its type, and whether it may hold nulls; by default it may not. */
export type ParquetColumn =
  | ParquetColumnType
  | { readonly type: ParquetColumnType; readonly nullable?: boolean };

/** A column as the encoder needs it. */
export interface SinkColumn {
  readonly name: string;
  readonly type: ParquetColumnType;
  readonly nullable: boolean;
  readonly kind: ColumnKind;
}

/** How values of a type are held and written. */
interface ColumnKind {
  /** The value as hyparquet-writer takes it; undefined: it is none of the type. Throws what JSON throws. */
  toStored(value: unknown): unknown;
  /** What a wrong value should have been. */
  readonly expected: string;
  /** In the footer. */
  readonly element: Omit<SchemaElement, "name">;
  /** Given to hyparquet-writer for the column's pages; default `element`. */
  readonly pages?: Omit<SchemaElement, "name">;
  readonly hasStatistics: boolean;
}

const INT64_MAX = 2n ** 63n - 1n;
const isInt64 = (value: bigint): boolean => value <= INT64_MAX && value >= -INT64_MAX - 1n;

const KINDS = {
  string: {
    toStored: (value) => (typeof value === "string" ? value : undefined),
    expected: "a string",
    element: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
    hasStatistics: true,
  },
  int32: {
    toStored: (value) => (typeof value === "number" && (value | 0) === value ? value : undefined),
    expected: "a whole number of 32 bits",
    element: { type: "INT32" },
    hasStatistics: true,
  },
  int64: {
    toStored: (value) => {
      if (typeof value === "bigint") return isInt64(value) ? value : undefined;
      return Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
    },
    expected: "a bigint of 64 bits or a safe integer",
    element: { type: "INT64" },
    hasStatistics: true,
  },
  double: {
    toStored: (value) => (typeof value === "number" ? value : undefined),
    expected: "a number",
    element: { type: "DOUBLE" },
    hasStatistics: true,
  },
  boolean: {
    toStored: (value) => (typeof value === "boolean" ? value : undefined),
    expected: "a boolean",
    element: { type: "BOOLEAN" },
    hasStatistics: true,
  },
  timestamp: {
    toStored: (value) => {
      const millis = value instanceof Date ? value.getTime() : value;
      return Number.isSafeInteger(millis) ? BigInt(millis as number) : undefined;
    },
    expected: "a valid Date or whole milliseconds since the epoch",
    element: {
      type: "INT64",
      converted_type: "TIMESTAMP_MILLIS",
      logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
    },
    hasStatistics: true,
  },
  json: {
    // Undefined for what has no JSON.
    toStored: (value) => JSON.stringify(value),
    expected: "a value with JSON",
    element: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
    // It is text already, which hyparquet-writer would make JSON of once more.
    pages: { type: "BYTE_ARRAY", converted_type: "UTF8" },
    // Nobody looks for JSON by its least text.
    hasStatistics: false,
  },
  bytes: {
    // A copy: a view may keep a large buffer, or be filled anew.
    toStored: (value) => (value instanceof Uint8Array ? Uint8Array.from(value) : undefined),
    expected: "a Uint8Array",
    element: { type: "BYTE_ARRAY" },
    hasStatistics: true,
  },
} as const satisfies Record<string, ColumnKind>;

export const COLUMN_TYPES = Object.keys(KINDS) as readonly ParquetColumnType[];

/** The columns of a sink's options, in their order. */
export function sinkColumns(
  columns: Readonly<Record<string, ParquetColumn>>,
): readonly SinkColumn[] {
  return Object.entries(columns).map(([name, column]) => {
    const { type, nullable = false } = typeof column === "string" ? { type: column } : column;
    return { name, type, nullable, kind: KINDS[type] };
  });
}

/** The value as it is stored; null for none. Throws RecordRefused, with the column and the kind of value. */
export function toStored({ name, type, nullable, kind }: SinkColumn, value: unknown): unknown {
  if (value === null || value === undefined) {
    if (nullable) return null;
    throw new RecordRefused(
      `column ${JSON.stringify(name)} has no value (${value === null ? "null" : "undefined"})`,
      "Make the column nullable, or give every record a value with map before it.",
    );
  }
  let stored: unknown;
  let cause: unknown;
  try {
    stored = kind.toStored(value);
  } catch (error) {
    cause = error;
  }
  if (stored !== undefined) return stored;
  throw new RecordRefused(
    `column ${JSON.stringify(name)} (${type}) takes ${kind.expected}, not ${kindOf(type, value)}`,
    "Turn the value into one with map before it, or give the column another type.",
    cause,
  );
}

const WHOLE: ReadonlySet<ParquetColumnType> = new Set(["int32", "int64", "timestamp"]);

/** The type of a value, with what may be wrong with it; never the value itself. */
function kindOf(type: ParquetColumnType, value: unknown): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid Date" : "a Date";
  if (typeof value === "bigint" && type === "int64") return "a larger bigint";
  if (typeof value !== "number" || !WHOLE.has(type)) return typeName(value);
  if (!Number.isFinite(value)) return "NaN or an infinite number";
  return Number.isInteger(value) ? "a larger number" : "a number with a fraction";
}
