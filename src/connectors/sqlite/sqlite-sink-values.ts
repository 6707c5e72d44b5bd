import { typeName, ValueRefused } from "../../sql/sink/sql-sink-error.js";

/** What SQLite holds: INTEGER (bigint), REAL, TEXT, BLOB or NULL. */
export type SqliteValue = bigint | number | string | Buffer | null;

const LOWEST = -(2n ** 63n);
const HIGHEST = 2n ** 63n - 1n;
const HINT = "Make the row of values that a column can hold, in toRow.";

/** A value as SQLite holds it; throws ValueRefused. */
export function sqliteValue(value: unknown): SqliteValue {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      // The driver binds numbers as REAL, and a text column would show 5 as "5.0".
      if (Number.isSafeInteger(value)) return BigInt(value);
      if (Number.isNaN(value))
        throw new ValueRefused("it is NaN, which SQLite turns into NULL", HINT);
      return value;
    case "bigint":
      if (value >= LOWEST && value <= HIGHEST) return value;
      throw new ValueRefused("it is a bigint of more than 64 bits", HINT);
    case "boolean":
      return value ? 1n : 0n;
    case "undefined":
      return null;
    case "object":
      return value === null ? null : objectValue(value);
    default:
      throw refused(value);
  }
}

function objectValue(value: object): SqliteValue {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new ValueRefused("it is an invalid Date", HINT);
    return value.toISOString();
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch {
    throw new ValueRefused("it is an object without JSON: a bigint or a cycle in it", HINT);
  }
  if (json === undefined) throw refused(value);
  return json;
}

function refused(value: unknown): ValueRefused {
  return new ValueRefused(`it is ${typeName(value)}`, HINT);
}

/** Roughly how many bytes the value takes. */
export function sqliteSize(value: SqliteValue): number {
  return typeof value === "string" || value instanceof Buffer ? value.length : 8;
}
