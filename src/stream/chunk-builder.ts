import type { DataOutput, RecordAttributes, WatermarkStatus } from "../api/data-output.js";
import type { Timestamp, Watermark } from "../api/watermark.js";
import type { CheckpointBarrier, Chunk, Control } from "./chunk.js";
import { NO_CONTROLS } from "./chunk.js";

/** Gathers what a source operator emits into the next chunk; called in the subtask's loop. */
export class ChunkBuilder<T> implements DataOutput<T> {
  #records: T[] = [];
  #timestamps: Timestamp[] = [];
  #controls: Control[] | undefined;

  /** Records gathered so far. */
  get size(): number {
    return this.#records.length;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0 && this.#controls === undefined;
  }

  emitRecord(record: T, timestamp: Timestamp): void {
    this.#records.push(record);
    this.#timestamps.push(timestamp);
  }

  emitWatermark(watermark: Watermark): void {
    this.#control({ type: "Watermark", at: this.#records.length, watermark });
  }

  emitWatermarkStatus(status: WatermarkStatus): void {
    this.#control({ type: "WatermarkStatus", at: this.#records.length, status });
  }

  emitRecordAttributes(attributes: RecordAttributes): void {
    this.#control({ type: "RecordAttributes", at: this.#records.length, attributes });
  }

  emitBarrier(barrier: CheckpointBarrier): void {
    this.#control({ type: "Barrier", at: this.#records.length, barrier });
  }

  emitEndOfData(): void {
    this.#control({ type: "EndOfData", at: this.#records.length });
  }

  /** The chunk so far; the builder starts anew. */
  take(): Chunk<T> {
    const chunk: Chunk<T> = {
      records: this.#records,
      timestamps: this.#timestamps,
      controls: this.#controls ?? NO_CONTROLS,
    };
    this.#records = [];
    this.#timestamps = [];
    this.#controls = undefined;
    return chunk;
  }

  #control(control: Control): void {
    if (this.#controls === undefined) this.#controls = [control];
    else this.#controls.push(control);
  }
}
