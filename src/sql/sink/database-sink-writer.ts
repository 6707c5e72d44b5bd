import type { Counter } from "../../api/metrics.js";
import type { SinkWriter, SinkWriterContext } from "../../api/sink.js";
import type { Timestamp } from "../../api/watermark.js";
import type { SqlRow } from "./database-sink-options.js";
import type { WriterState } from "./lingering.js";
import { describeKey, sinkFunctionFailed, sinkRefused, ValueRefused } from "./sql-sink-error.js";

/** Rows on their way into a table, in the order of their records. */
export interface Batch<V> {
  readonly rows: readonly (readonly V[])[];
  /** Names a row for errors: its key, or the number of its record. */
  describe(index: number): string;
}

/** Where batches go; one for each writer, one call at a time. */
export interface BatchTarget<V, CommT> {
  send(batch: Batch<V>): void | Promise<void>;
  prepareCommit?(): readonly CommT[] | Promise<readonly CommT[]>;
  readonly state?: WriterState;
  close(): void | Promise<void>;
}

/** What a writer into a table is made of. */
export interface DatabaseSinkWriterParts<T, V, CommT> {
  readonly owner: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly mode: "insert" | "upsert";
  readonly toRow: ((record: T, timestamp: Timestamp) => SqlRow) | undefined;
  readonly maxBatchRows: number;
  /** One value of a record for the column of that index; throws ValueRefused. */
  encode(value: unknown, column: number): V;
  /** Roughly how many bytes a value has, to limit a batch. */
  sizeOf(value: V): number;
  readonly target: BatchTarget<V, CommT>;
}

/** A row whose key has come again in its batch. */
const REPLACED: readonly never[] = [];
/** A batch is sent when it has so many bytes, however few its rows are. */
const MAX_BATCH_BYTES = 1024 * 1024;

/**
 * Turns one subtask's records into rows, and sends them in batches.
 *
 * Owns: the rows that have not been sent. Called by: the subtask's loop.
 * Invariants: after `flush` everything is with the target; with "upsert" a batch has a key once, with
 * its last row. Every error about a record is SINK_FAILED.
 */
export class DatabaseSinkWriter<T, V, CommT> implements SinkWriter<T, WriterState, CommT> {
  readonly #parts: DatabaseSinkWriterParts<T, V, CommT>;
  readonly #recordsSent: Counter;
  readonly #batchesSent: Counter;
  readonly #keyIndexes: readonly number[];
  /** Where in the batch a key's row is; only with "upsert". */
  readonly #places: Map<string, number> | undefined;
  #rows: (readonly V[])[] = [];
  /** Of which record each row is, counted since the writer was opened. */
  #numbers: number[] = [];
  #bytes = 0;
  #records = 0;

  constructor(context: SinkWriterContext, parts: DatabaseSinkWriterParts<T, V, CommT>) {
    this.#parts = parts;
    this.#recordsSent = context.metricGroup.counter("numRecordsSend");
    this.#batchesSent = context.metricGroup.counter("numBatches");
    this.#keyIndexes = parts.key.map((column) => parts.columns.indexOf(column));
    this.#places = parts.mode === "upsert" ? new Map() : undefined;
  }

  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void> {
    return this.#writeFrom(0, records, timestamps);
  }

  flush(): void | Promise<void> {
    if (this.#rows.length > 0) return this.#send();
  }

  prepareCommit(): readonly CommT[] | Promise<readonly CommT[]> {
    return this.#parts.target.prepareCommit?.() ?? [];
  }

  snapshotState(): readonly WriterState[] {
    const { state } = this.#parts.target;
    return state === undefined ? [] : [state];
  }

  close(): void | Promise<void> {
    return this.#parts.target.close();
  }

  #writeFrom(
    first: number,
    records: readonly T[],
    timestamps: readonly Timestamp[],
  ): void | Promise<void> {
    const { maxBatchRows } = this.#parts;
    for (let i = first; i < records.length; i++) {
      this.#add(records[i] as T, timestamps[i] as Timestamp);
      if (this.#rows.length < maxBatchRows && this.#bytes < MAX_BATCH_BYTES) continue;
      const sending = this.#send();
      if (sending !== undefined) {
        return sending.then(() => this.#writeFrom(i + 1, records, timestamps));
      }
    }
  }

  #add(record: T, timestamp: Timestamp): void {
    const number = this.#records++;
    const row = this.#encode(this.#valuesOf(record, timestamp, number), number);
    if (this.#places !== undefined) {
      const key = this.#keyText(row);
      const before = this.#places.get(key);
      if (before !== undefined) this.#rows[before] = REPLACED;
      this.#places.set(key, this.#rows.length);
    }
    this.#rows.push(row);
    this.#numbers.push(number);
  }

  #valuesOf(record: T, timestamp: Timestamp, number: number): readonly unknown[] {
    const { toRow, columns, owner } = this.#parts;
    let row: unknown = record;
    try {
      if (toRow !== undefined) row = toRow(record, timestamp);
    } catch (error) {
      const which = `record ${number} since it was opened`;
      throw sinkFunctionFailed(owner, `cannot make a row of ${which}: toRow threw`, error);
    }
    if (Array.isArray(row) && toRow !== undefined) {
      if (row.length === columns.length) return row;
      throw sinkRefused(
        owner,
        `got ${row.length} values from toRow for record ${number} since it was opened, and there are ${columns.length} columns`,
        "Return a value a column, in the order of columns, or an object by column.",
      );
    }
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      throw sinkRefused(
        owner,
        `cannot make a row of record ${number} since it was opened: it is no object`,
        "Give a function toRow that makes a row of a record.",
      );
    }
    return columns.map((column) => {
      // What every object has, such as `constructor`, is no value of the record.
      if (column in Object.prototype && !Object.hasOwn(row, column)) return undefined;
      return (row as Record<string, unknown>)[column];
    });
  }

  #encode(values: readonly unknown[], number: number): V[] {
    const { columns, key, owner, encode, sizeOf } = this.#parts;
    const row: V[] = [];
    let column = 0;
    try {
      for (; column < columns.length; column++) {
        const value = encode(values[column], column);
        row.push(value);
        this.#bytes += sizeOf(value);
      }
    } catch (error) {
      if (!(error instanceof ValueRefused)) throw error;
      const which = describeKey(columns, key, values) ?? recordNumber(number);
      throw sinkRefused(
        owner,
        `cannot write row ${which}, column ${columns[column]}: ${error.message}`,
        error.hint,
      );
    }
    if (this.#places !== undefined && this.#keyIndexes.some((index) => row[index] === null)) {
      throw sinkRefused(
        owner,
        `cannot upsert record ${number} since it was opened: a column of its key ${key.join(", ")} is NULL`,
        "NULLs are never equal, so such a row would be there twice: give every row a key.",
      );
    }
    return row;
  }

  #keyText(row: readonly V[]): string {
    let text = "";
    for (const index of this.#keyIndexes) {
      const value = row[index];
      const part = value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
      text += `${typeof value} ${part.length} ${part}`;
    }
    return text;
  }

  #send(): void | Promise<void> {
    const isLast = (_: unknown, i: number): boolean => this.#rows[i] !== REPLACED;
    const numbers = this.#numbers.filter(isLast);
    const rows = this.#rows.filter(isLast);
    const { columns, key, target } = this.#parts;
    this.#rows = [];
    this.#numbers = [];
    this.#places?.clear();
    this.#bytes = 0;
    const sent = (): void => {
      this.#recordsSent.inc(rows.length);
      this.#batchesSent.inc();
    };
    const sending = target.send({
      rows,
      describe: (index) =>
        describeKey(columns, key, rows[index] ?? []) ?? recordNumber(numbers[index] ?? -1),
    });
    if (sending !== undefined) return sending.then(sent);
    sent();
  }
}

function recordNumber(number: number): string {
  return `of record ${number} since it was opened`;
}
