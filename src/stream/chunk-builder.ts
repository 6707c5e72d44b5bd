import type { BadRecord } from "../api/bad-record.js";
import type { DataOutput, RecordAttributes, WatermarkStatus } from "../api/data-output.js";
import type { Timestamp, Watermark } from "../api/watermark.js";
import type { CheckpointBarrier, Chunk, Control } from "./chunk.js";
import { NO_CONTROLS } from "./chunk.js";
import { columnFor } from "./columns.js";

/** A chunk of at least so many records is taken for a sign of more such chunks. */
const LARGE = 512;

/**
 * Gathers what a source operator emits into the next chunk; called in the subtask's loop.
 *
 * After a large chunk the next one's columns are made at once: growing them record by record costs as
 * much as filling them.
 */
export class ChunkBuilder<T> implements DataOutput<T> {
  /** The columns change at `take`. */
  readonly buffer: { records: T[]; timestamps: Timestamp[]; length: number } = {
    records: [],
    timestamps: [],
    length: 0,
  };
  #controls: Control[] | undefined;
  #deadLetters = 0;
  #deadLetterBytes = 0;

  /** Records and dead letters gathered so far. */
  get size(): number {
    return this.buffer.length + this.#deadLetters;
  }

  /** The bytes that the dead letters hold. */
  get deadLetterBytes(): number {
    return this.#deadLetterBytes;
  }

  get isEmpty(): boolean {
    return this.buffer.length === 0 && this.#controls === undefined;
  }

  emitRecord(record: T, timestamp: Timestamp): void {
    const { buffer } = this;
    const at = buffer.length++;
    buffer.records[at] = record;
    buffer.timestamps[at] = timestamp;
  }

  emitWatermark(watermark: Watermark): void {
    this.#control({ type: "Watermark", at: this.buffer.length, watermark });
  }

  emitWatermarkStatus(status: WatermarkStatus): void {
    this.#control({ type: "WatermarkStatus", at: this.buffer.length, status });
  }

  emitRecordAttributes(attributes: RecordAttributes): void {
    this.#control({ type: "RecordAttributes", at: this.buffer.length, attributes });
  }

  /** The dead letter's bytes must be its own: the chunk holds them until the sink has them. */
  emitBadRecord(badRecord: BadRecord): void {
    this.#deadLetters++;
    this.#deadLetterBytes += badRecord.raw.byteLength;
    this.#control({ type: "BadRecord", at: this.buffer.length, badRecord });
  }

  emitBarrier(barrier: CheckpointBarrier): void {
    this.#control({ type: "Barrier", at: this.buffer.length, barrier });
  }

  emitEndOfData(): void {
    this.#control({ type: "EndOfData", at: this.buffer.length });
  }

  /** The chunk so far; the builder starts anew. */
  take(): Chunk<T> {
    const { buffer } = this;
    const { records, timestamps, length } = buffer;
    if (records.length > length) {
      records.length = length;
      timestamps.length = length;
    }
    const chunk: Chunk<T> = { records, timestamps, controls: this.#controls ?? NO_CONTROLS };
    buffer.records = length < LARGE ? [] : columnFor(records[0] as T);
    buffer.timestamps = length < LARGE ? [] : columnFor(timestamps[0] as Timestamp);
    buffer.length = 0;
    this.#controls = undefined;
    this.#deadLetters = 0;
    this.#deadLetterBytes = 0;
    return chunk;
  }

  #control(control: Control): void {
    if (this.#controls === undefined) this.#controls = [control];
    else this.#controls.push(control);
  }
}
