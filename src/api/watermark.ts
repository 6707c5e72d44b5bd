/** Milliseconds since the epoch; `-Infinity` and `Infinity` stand for Flink's Long.MIN and Long.MAX. */
export type Timestamp = number;

/** The promise that no record with a timestamp ≤ this one follows (Flink `Watermark`). */
export type Watermark = Timestamp;

/** Where generators and readers put watermarks (Flink `WatermarkOutput`); called in the operator's loop. */
export interface WatermarkOutput {
  emitWatermark(watermark: Watermark): void;
  markIdle(): void;
  markActive(): void;
}

/** A time line that may stand still (Flink `RelativeClock`), in milliseconds from an arbitrary start. */
export interface RelativeClock {
  relativeTime(): number;
}

/** Extracts a record's event time (Flink `TimestampAssigner`); `recordTimestamp` is -Infinity when there is none. */
export type TimestampAssigner<T> = (record: T, recordTimestamp: Timestamp) => Timestamp;

/** Turns events into watermarks (Flink `WatermarkGenerator`); one instance a split and one for the main output. */
export interface WatermarkGenerator<T> {
  onEvent(record: T, timestamp: Timestamp, output: WatermarkOutput): void;
  /**
   * The same as `onEvent` for the timestamps from `from` to before `to`. Optional, for a generator that
   * needs no more than timestamps and emits nothing before `onPeriodicEmit`.
   */
  onEvents?(timestamps: readonly Timestamp[], from: number, to: number): void;
  /** Called at the automatic watermark interval, in the operator's loop. */
  onPeriodicEmit(output: WatermarkOutput): void;
}

/** What a generator or assigner may use when it is created. */
export interface WatermarkGeneratorContext {
  /** Stands still while the split is paused, the operator waits for alignment or is back-pressured. */
  readonly inputActivityClock: RelativeClock;
}

/** Watermark alignment of a source (FLIP-182, per split FLIP-217). */
export interface WatermarkAlignmentParams {
  /** Sources with the same group name are held together. */
  readonly group: string;
  /** How far, in milliseconds, a source may run ahead of the slowest in its group. */
  readonly maxDrift: number;
  /** How often, in milliseconds, watermarks are reported and the limit is announced. */
  readonly updateInterval: number;
}

/** How a source's records get event time (Flink `WatermarkStrategy`); immutable, each `with…` returns a new one. */
export interface WatermarkStrategy<T> {
  createTimestampAssigner(context: WatermarkGeneratorContext): TimestampAssigner<T>;
  createWatermarkGenerator(context: WatermarkGeneratorContext): WatermarkGenerator<T>;
  /** Undefined: no alignment. */
  readonly alignment: WatermarkAlignmentParams | undefined;
  withTimestampAssigner(assigner: TimestampAssigner<T>): WatermarkStrategy<T>;
  /** A split without records for longer than this no longer holds the watermark back. */
  withIdleness(timeout: DurationInput): WatermarkStrategy<T>;
  withWatermarkAlignment(options: WatermarkAlignmentInput): WatermarkStrategy<T>;
}

/** Milliseconds, or a number with its unit: `"5s"`, `"250ms"`, `"1d"`. */
export type DurationInput = number | string;

/** What `withWatermarkAlignment` takes. */
export interface WatermarkAlignmentInput {
  readonly group: string;
  readonly maxDrift: DurationInput;
  /** Default one second. */
  readonly updateInterval?: DurationInput;
}
