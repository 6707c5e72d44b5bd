import { isUtf8 } from "node:buffer";
import type { CsvBatch, CsvRow } from "./csv-batch.js";
import { type CsvDialect, NEWLINE } from "./csv-dialect.js";
import { badRecord, unparsable } from "./csv-errors.js";
import type { CsvParseDriver } from "./csv-parse-driver.js";

/** Records of a buffer that lie one behind the other, maybe with lines between that are left out. */
export interface FramedRecords {
  readonly starts: number[];
  readonly ends: number[];
}

/** Has csv-parse parse many whole records in one call, and finds those that it refuses. */
export class RowParser {
  readonly #driver: CsvParseDriver;
  readonly #options: import("csv-parse/sync").Options;

  constructor(driver: CsvParseDriver, dialect: CsvDialect) {
    this.#driver = driver;
    const { delimiter, quote, trim } = dialect;
    this.#options = {
      bom: false,
      delimiter,
      quote,
      escape: quote === null ? null : dialect.escape,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      skip_empty_lines: false,
      trim,
    };
  }

  /**
   * Adds the records to the batch. Returns where framing has to begin again: behind the first line of
   * a record of several lines that cannot be parsed, as its quotes may have hidden other records.
   */
  parse<T>(bytes: Buffer, frames: FramedRecords, batch: CsvBatch<T>): number | undefined {
    const { starts, ends } = frames;
    const count = starts.length;
    if (count === 0) return undefined;
    const isText = isUtf8(bytes.subarray(starts[0], ends[count - 1]));
    let from = 0;
    for (let step = count; from < count; ) {
      const to = Math.min(count, from + step);
      const rows = this.#tryParse(bytes, frames, from, to);
      if (Array.isArray(rows)) {
        for (const row of rows as readonly CsvRow[]) {
          const start = starts[from] as number;
          const end = ends[from++] as number;
          if (isText || isUtf8(bytes.subarray(start, end))) batch.addRow(row, start, end);
          else batch.addBad(start, end, badRecord("it is not UTF-8"));
        }
        step *= 4;
      } else if (to - from > 1) {
        step = Math.max(1, Math.min(rowsBefore(rows), to - from - 1));
      } else {
        const start = starts[from] as number;
        const end = ends[from++] as number;
        const firstLine = bytes.indexOf(NEWLINE, start) + 1;
        const hasMore = firstLine > 0 && firstLine < end;
        batch.addBad(start, hasMore ? firstLine : end, unparsable(rows));
        if (hasMore) return firstLine;
      }
    }
    return undefined;
  }

  /** A row for each of the records, or what is wrong. */
  #tryParse(bytes: Buffer, { starts, ends }: FramedRecords, from: number, to: number): unknown {
    try {
      const rows: unknown[] = this.#driver.parse(
        inputOf(bytes, starts, ends, from, to),
        this.#options,
      );
      return rows.length === to - from
        ? rows
        : badRecord(`csv-parse finds ${rows.length} records where there are ${to - from}`);
    } catch (error) {
      return error;
    }
  }
}

function inputOf(
  bytes: Buffer,
  starts: readonly number[],
  ends: readonly number[],
  from: number,
  to: number,
): Buffer {
  const start = starts[from] as number;
  const end = ends[to - 1] as number;
  let length = 0;
  for (let i = from; i < to; i++) length += (ends[i] as number) - (starts[i] as number);
  if (length === end - start) return bytes.subarray(start, end);
  const parts: Buffer[] = [];
  for (let i = from; i < to; i++) parts.push(bytes.subarray(starts[i], ends[i]));
  return Buffer.concat(parts, length);
}

/** How many records csv-parse had parsed before the error, as the error says. */
function rowsBefore(error: unknown): number {
  const { records } = error as { readonly records?: unknown };
  return typeof records === "number" && records > 0 ? records : 1;
}
