import { typeName, ValueRefused } from "../../sql/sink/sql-sink-error.js";

/** A column of a table, as far as it matters for writing. */
export interface PostgresColumn {
  readonly name: string;
  /** `pg_type.typcategory` is "A". */
  readonly isArray: boolean;
}

/** A value as Postgres reads it in text, for COPY and for parameters alike; null: NULL. */
export function postgresText(value: unknown, { isArray }: PostgresColumn): string | null {
  switch (typeof value) {
    case "string":
      return withoutNul(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
    case "boolean":
      return String(value);
    case "undefined":
      return null;
    case "object":
      if (value === null) return null;
      if (isArray && Array.isArray(value)) return withoutNul(arrayText(value));
      return objectText(value);
    default:
      throw refused(value);
  }
}

function objectText(value: object): string {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new ValueRefused("it is an invalid Date", HINT);
    return value.toISOString();
  }
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return `\\x${bytes.toString("hex")}`;
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

function arrayText(values: readonly unknown[]): string {
  const elements = values.map((value) => {
    if (Array.isArray(value)) return arrayText(value);
    const text = postgresText(value, { name: "", isArray: false });
    return text === null ? "NULL" : `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${elements.join(",")}}`;
}

function withoutNul(text: string): string {
  if (!text.includes("\0")) return text;
  throw new ValueRefused(
    "the text has a NUL character, and Postgres cannot hold one",
    "Take it out of the text, or write bytes (a Uint8Array) to a bytea column.",
  );
}

const HINT = "Make the row of values that a column can hold, in toRow.";

function refused(value: unknown): ValueRefused {
  return new ValueRefused(`it is ${typeName(value)}`, HINT);
}

const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** Rows in the text format of COPY. */
export function copyText(rows: readonly (readonly (string | null)[])[]): string {
  let text = "";
  for (const row of rows) {
    for (let i = 0; i < row.length; i++) {
      const value = row[i] as string | null;
      if (i > 0) text += "\t";
      if (value === null) text += "\\N";
      else if (SPECIAL.test(value)) text += value.replace(/[\\\n\r\t]/g, (c) => ESCAPES[c] ?? c);
      else text += value;
    }
    text += "\n";
  }
  return text;
}
