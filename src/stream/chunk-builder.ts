import type { BadRecord } from "../api/bad-record.js";
import type { DataOutput, RecordAttributes, WatermarkStatus } from "../api/data-output.js";
import type { Timestamp, Watermark } from "../api/watermark.js";
import type { CheckpointBarrier, Chunk, Control } from "./chunk.js";
import { NO_CONTROLS } from "./chunk.js";

/** A chunk of at least so many records is taken for a sign of more such chunks. */
const LARGE = 512;

/**
 * Gathers what a source operator emits into the next chunk; called in the subtask's loop.
 *
 * After a large chunk the next one's arrays are made as long at once: growing them record by record
 * costs as much as filling them.
 */
export class ChunkBuilder<T> implements DataOutput<T> {
  #records: T[] = [];
  #timestamps: Timestamp[] = [];
  /** Filled places of both. */
  #length = 0;
  #controls: Control[] | undefined;
  #deadLetters = 0;
  #deadLetterBytes = 0;

  /** Records and dead letters gathered so far. */
  get size(): number {
    return this.#length + this.#deadLetters;
  }

  /** The bytes that the dead letters hold. */
  get deadLetterBytes(): number {
    return this.#deadLetterBytes;
  }

  get isEmpty(): boolean {
    return this.#length === 0 && this.#controls === undefined;
  }

  emitRecord(record: T, timestamp: Timestamp): void {
    const at = this.#length++;
    this.#records[at] = record;
    this.#timestamps[at] = timestamp;
  }

  emitWatermark(watermark: Watermark): void {
    this.#control({ type: "Watermark", at: this.#length, watermark });
  }

  emitWatermarkStatus(status: WatermarkStatus): void {
    this.#control({ type: "WatermarkStatus", at: this.#length, status });
  }

  emitRecordAttributes(attributes: RecordAttributes): void {
    this.#control({ type: "RecordAttributes", at: this.#length, attributes });
  }

  /** The dead letter's bytes must be its own: the chunk holds them until the sink has them. */
  emitBadRecord(badRecord: BadRecord): void {
    this.#deadLetters++;
    this.#deadLetterBytes += badRecord.raw.byteLength;
    this.#control({ type: "BadRecord", at: this.#length, badRecord });
  }

  emitBarrier(barrier: CheckpointBarrier): void {
    this.#control({ type: "Barrier", at: this.#length, barrier });
  }

  emitEndOfData(): void {
    this.#control({ type: "EndOfData", at: this.#length });
  }

  /** The chunk so far; the builder starts anew. */
  take(): Chunk<T> {
    const records = this.#records;
    const timestamps = this.#timestamps;
    const length = this.#length;
    if (records.length > length) {
      records.length = length;
      timestamps.length = length;
    }
    const chunk: Chunk<T> = { records, timestamps, controls: this.#controls ?? NO_CONTROLS };
    this.#records = length < LARGE ? [] : new Array<T>(length);
    this.#timestamps = length < LARGE ? [] : new Array<Timestamp>(length);
    this.#length = 0;
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
