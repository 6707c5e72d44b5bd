import type { Timestamp, Watermark } from "./watermark.js";

/** Whether a stream takes part in event time at the moment (Flink `WatermarkStatus`). */
export type WatermarkStatus = "ACTIVE" | "IDLE";

/** What a source operator emits, in order (Flink `PushingAsyncDataInput.DataOutput`); one per subtask. */
export interface DataOutput<T> {
  emitRecord(record: T, timestamp: Timestamp): void;
  emitWatermark(watermark: Watermark): void;
  emitWatermarkStatus(status: WatermarkStatus): void;
  emitRecordAttributes(attributes: RecordAttributes): void;
}

/** Facts about the records that follow (Flink `RecordAttributes`). */
export interface RecordAttributes {
  readonly isBacklog: boolean;
}
