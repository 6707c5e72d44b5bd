import type {
  RelativeClock,
  Timestamp,
  TimestampAssigner,
  WatermarkGenerator,
  WatermarkOutput,
} from "../api/watermark.js";
import { IdlenessTimer } from "./idleness-timer.js";
import { MIN_TIMESTAMP } from "./watermark-bounds.js";

/** Emits nothing; outputs know this very object and leave the calls out (Flink `NoWatermarksGenerator`). */
export const NO_WATERMARKS: WatermarkGenerator<unknown> = {
  onEvent() {},
  onPeriodicEmit() {},
};

/** Keeps the timestamp that the source gave; outputs know it too (Flink `RecordTimestampAssigner`). */
export const RECORD_TIMESTAMP: TimestampAssigner<unknown> = (_record, recordTimestamp) =>
  recordTimestamp;

/**
 * Lags the highest timestamp by a fixed time and one millisecond, periodically (Flink
 * `BoundedOutOfOrdernessWatermarks`; with 0 ms `AscendingTimestampsWatermarks`).
 */
export class BoundedOutOfOrdernessWatermarks<T> implements WatermarkGenerator<T> {
  readonly #lag: number;
  #maxTimestamp: Timestamp = MIN_TIMESTAMP;

  /** `outOfOrderness`: milliseconds. */
  constructor(outOfOrderness: number) {
    this.#lag = outOfOrderness + 1;
  }

  onEvent(_record: T, timestamp: Timestamp): void {
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
  }

  onEvents(timestamps: readonly Timestamp[], from: number, to: number): void {
    let max = this.#maxTimestamp;
    for (let i = from; i < to; i++) {
      const timestamp = timestamps[i] as Timestamp;
      if (timestamp > max) max = timestamp;
    }
    this.#maxTimestamp = max;
  }

  onPeriodicEmit(output: WatermarkOutput): void {
    output.emitWatermark(this.#maxTimestamp - this.#lag);
  }
}

/** Emits whatever watermark a function sees in a record, at once. */
export class PunctuatedWatermarks<T> implements WatermarkGenerator<T> {
  readonly #watermarkOf: (record: T, timestamp: Timestamp) => Timestamp | undefined;

  constructor(watermarkOf: (record: T, timestamp: Timestamp) => Timestamp | undefined) {
    this.#watermarkOf = watermarkOf;
  }

  onEvent(record: T, timestamp: Timestamp, output: WatermarkOutput): void {
    const watermark = this.#watermarkOf(record, timestamp);
    if (watermark !== undefined) output.emitWatermark(watermark);
  }

  onPeriodicEmit(): void {}
}

/**
 * Marks its output idle when no record came for longer than a time (Flink
 * `WatermarksWithIdleness`); while it is idle the generator inside emits nothing.
 *
 * Owns: the idleness timer. Called by: the operator's loop, per record and per watermark interval.
 */
export class WatermarksWithIdleness<T> implements WatermarkGenerator<T> {
  readonly #watermarks: WatermarkGenerator<T>;
  readonly #timer: IdlenessTimer;
  /** Only when the generator inside has it. */
  readonly onEvents?: NonNullable<WatermarkGenerator<T>["onEvents"]>;
  #idle = false;

  /** `timeout`: milliseconds, more than 0; throws OPTION_INVALID otherwise. */
  constructor(watermarks: WatermarkGenerator<T>, timeout: number, clock: RelativeClock) {
    this.#watermarks = watermarks;
    this.#timer = new IdlenessTimer(clock, timeout);
    if (watermarks.onEvents === undefined) return;
    const onEvents: typeof watermarks.onEvents = (timestamps, from, to) => {
      watermarks.onEvents?.(timestamps, from, to);
      if (to > from) this.#noteActivity();
    };
    this.onEvents = onEvents;
  }

  onEvent(record: T, timestamp: Timestamp, output: WatermarkOutput): void {
    this.#watermarks.onEvent(record, timestamp, output);
    this.#noteActivity();
  }

  onPeriodicEmit(output: WatermarkOutput): void {
    if (!this.#timer.checkIfIdle()) {
      this.#watermarks.onPeriodicEmit(output);
    } else if (!this.#idle) {
      output.markIdle();
      this.#idle = true;
    }
  }

  #noteActivity(): void {
    this.#timer.activity();
    this.#idle = false;
  }
}
