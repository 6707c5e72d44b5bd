import { messageOf } from "../../errors/index.js";
import { type RecordEncoder, RecordRefused, typeName } from "../../files/sink/record-encoder.js";
import type { CsvStringify } from "./csv-stringify-driver.js";

/** How a part file's rows are written. */
export interface CsvEncoderOptions {
  readonly columns?: readonly string[] | undefined;
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  readonly eol: string;
}

/** Rows that are turned into text together: what a call of csv-stringify costs is shared by them. */
const ROWS_PER_CALL = 256;

/** The rows of one part file; the first record gives the columns when the options do not. */
export function csvEncoder<T extends object>(
  stringify: CsvStringify,
  { columns, header, delimiter, quote, eol }: CsvEncoderOptions,
): RecordEncoder<T> {
  let row: ((record: T) => string[]) | undefined;
  return {
    encode(batch) {
      const { records } = batch;
      const rows: string[][] = [];
      let names = columns;
      if (row === undefined) {
        names ??= columnsOf(records[batch.next]);
        if (header) rows.push([...names]);
        row = rowMaker(names);
      }
      const end = Math.min(records.length, batch.next + ROWS_PER_CALL);
      for (; batch.next < end; batch.next++) rows.push(row(records[batch.next] as T));
      return stringify(rows, {
        delimiter,
        quote,
        escape: quote,
        record_delimiter: eol,
        quote_record_delimiter: true,
        // A row of one empty field would be an empty line, which readers leave out.
        quoted_empty: rows[0]?.length === 1,
      });
    },
  };
}

function columnsOf(record: unknown): readonly string[] {
  checkObject(record);
  const columns = Object.keys(record);
  if (columns.length > 0) return columns;
  throw new RecordRefused("it has no property to be a column", "Give csvSink its columns.");
}

function rowMaker<T extends object>(columns: readonly string[]): (record: T) => string[] {
  const known = new Set(columns);
  return (record) => {
    checkObject(record);
    const row: string[] = [];
    for (const column of columns) {
      // An inherited property, such as "constructor", is no column.
      row.push(Object.hasOwn(record, column) ? toField(record[column], column) : "");
    }
    for (const key in record) {
      if (!known.has(key) && Object.hasOwn(record, key)) throw notAColumn(key, columns);
    }
    return row;
  };
}

function checkObject(record: unknown): asserts record is Record<string, unknown> {
  if (typeof record === "object" && record !== null && !Array.isArray(record)) return;
  throw new RecordRefused(
    `it is ${typeName(record)}, not an object with a property a column`,
    "Turn records into such objects with map before it.",
  );
}

function toField(value: unknown, column: string): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    case "undefined":
      return "";
    case "object":
      return value === null ? "" : objectToField(value, column);
    default:
      throw notAField(column, `is a ${typeof value}`);
  }
}

function objectToField(value: object, column: string): string {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw notAField(column, "is an invalid Date");
    return value.toISOString();
  }
  try {
    return JSON.stringify(value) ?? "";
  } catch (error) {
    throw notAField(column, `has no JSON (${messageOf(error)})`);
  }
}

function notAField(column: string, what: string): RecordRefused {
  return new RecordRefused(
    `its column ${JSON.stringify(column)} ${what}`,
    "Turn it into a string, a number or a Date with map before it.",
  );
}

function notAColumn(key: string, columns: readonly string[]): RecordRefused {
  const names = columns.slice(0, 20).join(", ");
  return new RecordRefused(
    `its property ${JSON.stringify(key)} is not among the ${columns.length} columns (${names})`,
    "Name all columns in csvSink's columns, or leave the property out with map before it.",
  );
}
