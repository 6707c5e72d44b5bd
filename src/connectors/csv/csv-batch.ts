import { describeValue, HeadwaterError, messageOf } from "../../errors/index.js";
import type { FileBatch, FileRecord, UnreadableBytes } from "../../files/file-format.js";
import type { ColumnPlan, PlannedColumn } from "./csv-columns.js";
import { badRecord } from "./csv-errors.js";

/** The fields of a record, as text. */
export type CsvRow = readonly string[];

/**
 * Rows that were read together, and inputs between them that are none; texts become values when a
 * record is asked for.
 */
export class CsvBatch<T> implements FileBatch<T> {
  /** Where its bytes are, for records whose values are wrong: byte `origin` of the content is the first. */
  readonly #bytes: Uint8Array;
  readonly #origin: number;
  readonly #entries: (CsvRow | UnreadableBytes)[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #plan: ColumnPlan | undefined;
  #next = 0;

  constructor(bytes: Uint8Array, origin: number) {
    this.#bytes = bytes;
    this.#origin = origin;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The first entry, for the header. */
  get first(): CsvRow | UnreadableBytes | undefined {
    return this.#entries[0];
  }

  /** Bytes are counted in the batch's buffer. */
  addRow(row: CsvRow, start: number, end: number): void {
    this.#entries.push(row);
    this.#starts.push(start);
    this.#ends.push(end);
  }

  addBad(start: number, end: number, error: unknown): void {
    this.#entries.push(this.#unreadable(start, end, error));
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** For an input of which the buffer holds only the first bytes. */
  addLongBad(bad: UnreadableBytes): void {
    this.#entries.push(bad);
    this.#starts.push(bad.position - this.#origin);
    this.#ends.push(bad.position - this.#origin + bad.rawLength);
  }

  /** Says how rows become records, before the first `next`. */
  planned(plan: ColumnPlan): this {
    this.#plan = plan;
    return this;
  }

  next(into: FileRecord<T>): boolean {
    const index = this.#next;
    const entry = this.#entries[index];
    if (entry === undefined) return false;
    this.#next = index + 1;
    into.position = this.#origin + (this.#ends[index] as number);
    into.skip = 0;
    if (!Array.isArray(entry)) {
      into.bad = entry as UnreadableBytes;
      return true;
    }
    into.bad = undefined;
    try {
      into.value = toRecord(this.#plan as ColumnPlan, entry) as T;
    } catch (error) {
      into.bad = this.#unreadable(
        this.#starts[index] as number,
        this.#ends[index] as number,
        error,
      );
    }
    return true;
  }

  #unreadable(start: number, end: number, error: unknown): UnreadableBytes {
    const position = this.#origin + start;
    const raw = this.#bytes.subarray(start, end);
    return { position, raw, rawLength: end - start, error };
  }
}

function toRecord(plan: ColumnPlan, row: CsvRow): Record<string, unknown> {
  const { width, columns, nullValue } = plan;
  if (row.length !== width) {
    const fields = row.length === 1 ? "1 field" : `${row.length} fields`;
    throw badRecord(`it has ${fields} where there are ${width} columns`);
  }
  const record: Record<string, unknown> = {};
  for (const column of columns) {
    const text = row[column.index] as string;
    const value = text === nullValue ? null : toValue(column, text);
    if (column.name === "__proto__") setOwn(record, value);
    else record[column.name] = value;
  }
  return record;
}

function toValue(column: PlannedColumn, text: string): unknown {
  const { cast, isFunction } = column;
  if (cast === undefined) return text;
  if (isFunction) return callFunction(column, cast.cast, text);
  if (text === "") return null;
  const value = cast.cast(text);
  if (value === undefined) {
    throw badRecord(`column ${column.name}: expected ${cast.expected}, got ${describeValue(text)}`);
  }
  return value;
}

function callFunction(
  { name }: PlannedColumn,
  cast: (text: string) => unknown,
  text: string,
): unknown {
  try {
    return cast(text);
  } catch (cause) {
    if (cause instanceof HeadwaterError && cause.code !== "BAD_RECORD") throw cause;
    const reason = messageOf(cause);
    throw badRecord(`column ${name}: ${reason}, got ${describeValue(text)}`, cause);
  }
}

/** Assigning would set the record's prototype. */
function setOwn(record: Record<string, unknown>, value: unknown): void {
  Object.defineProperty(record, "__proto__", {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}
