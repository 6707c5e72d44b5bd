import type { DataOutput } from "../api/data-output.js";
import type { ReaderOutput } from "../api/source-reader.js";
import type { WatermarkUpdateListener } from "./watermark-update-listener.js";

/** The event-time logic of one source operator (Flink `TimestampsAndWatermarks`). */
export interface TimestampsAndWatermarks<T> {
  /** What the reader gets; called once. */
  createMainOutput(output: DataOutput<T>, listener: WatermarkUpdateListener): ReaderOutput<T>;
  startPeriodicWatermarkEmits(): void;
  stopPeriodicWatermarkEmits(): void;
  /** What a watermark interval does, now; before the main output is there it does nothing. */
  emitImmediateWatermark(): void;
  pauseOrResumeSplits(splitsToPause: readonly string[], splitsToResume: readonly string[]): void;
}
