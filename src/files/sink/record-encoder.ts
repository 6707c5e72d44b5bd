import type { Timestamp } from "../../api/watermark.js";

/** Records on their way into a file; the encoder moves `next` on. */
export interface RecordBatch<T> {
  readonly records: readonly T[];
  /** Of the same length; -Infinity: no timestamp. */
  readonly timestamps: readonly Timestamp[];
  /** The first record that has not been encoded; when encoding throws, the one that it is about. */
  next: number;
}

/** How records become text; one for each part file, called in the subtask's loop. */
export interface RecordEncoder<T> {
  /**
   * The text of at least one record from `next` on, and no more than a few hundred KiB beyond one
   * record. Throws RecordRefused for a record that the format cannot hold.
   */
  encode(batch: RecordBatch<T>): string;
}

/** A record that a format cannot hold: `message` says what is wrong with it. */
export class RecordRefused extends Error {
  override readonly name = "RecordRefused";
  readonly hint: string;

  constructor(message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
  }
}

/** Longer text is handed over before the next record is added to it. */
const MAX_TEXT = 256 * 1024;

/** An encoder that writes a line a record. */
export function lineEncoder<T>(
  toLine: (record: T, timestamp: Timestamp) => string,
  delimiter: string,
): RecordEncoder<T> {
  return {
    encode(batch) {
      const { records, timestamps } = batch;
      let text = "";
      while (batch.next < records.length && text.length < MAX_TEXT) {
        const { next } = batch;
        text += toLine(records[next] as T, timestamps[next] as Timestamp) + delimiter;
        batch.next = next + 1;
      }
      return text;
    },
  };
}

/** The type of a record, for an error message. */
export function typeName(record: unknown): string {
  if (record === null || record === undefined) return String(record);
  if (Array.isArray(record)) return "an array";
  return typeof record === "object" ? "an object" : `a ${typeof record}`;
}
