import type { Timestamp, Watermark } from "./watermark.js";

/** Whether a stream takes part in event time at the moment (Flink `WatermarkStatus`). */
export type WatermarkStatus = "ACTIVE" | "IDLE";

/**
 * Records being gathered, column by column. Whoever adds some sets their places in both columns, and
 * then `length`: what is emitted next takes its place from it.
 */
export interface RecordBuffer<T> {
  readonly records: T[];
  readonly timestamps: Timestamp[];
  length: number;
}

/** What a source operator emits, in order (Flink `PushingAsyncDataInput.DataOutput`); one per subtask. */
export interface DataOutput<T> {
  /** Where records may be put without a call each; its columns change between two polls. */
  readonly buffer?: RecordBuffer<T>;
  emitRecord(record: T, timestamp: Timestamp): void;
  emitWatermark(watermark: Watermark): void;
  emitWatermarkStatus(status: WatermarkStatus): void;
  emitRecordAttributes(attributes: RecordAttributes): void;
}

/** Facts about the records that follow (Flink `RecordAttributes`). */
export interface RecordAttributes {
  readonly isBacklog: boolean;
}
