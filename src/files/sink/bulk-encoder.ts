import type { RecordBatch } from "./record-encoder.js";

/**
 * How records become a file that is of no use before its end (Flink `BulkWriter`), such as one with
 * a footer; one for each part file, called in the subtask's loop.
 *
 * Pieces are asked for one after the other, and each is good until the next one is asked for.
 */
export interface BulkEncoder<T> {
  /**
   * Takes at least one record from `next` on, and none once it is full. Throws RecordRefused for a
   * record that the format cannot hold.
   */
  add(batch: RecordBatch<T>): void;
  /** What was taken is to be drained before more is added. */
  readonly isFull: boolean;
  /** The file holds as much as one may. */
  readonly isAtLimit: boolean;
  /** The bytes of what was taken. */
  drain(): Iterable<Uint8Array>;
  /** The bytes of what was taken, and those that end the file. */
  finish(): Iterable<Uint8Array>;
}
