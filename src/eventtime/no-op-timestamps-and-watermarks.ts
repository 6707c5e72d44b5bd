import type { DataOutput } from "../api/data-output.js";
import type { ReaderOutput, SourceOutput } from "../api/source-reader.js";
import type {
  RelativeClock,
  Timestamp,
  TimestampAssigner,
  WatermarkStrategy,
} from "../api/watermark.js";
import { assignTimestamp, knownAssigner } from "./source-output-with-watermarks.js";
import type { TimestampsAndWatermarks } from "./timestamps-and-watermarks.js";
import { MIN_TIMESTAMP } from "./watermark-bounds.js";
import type { WatermarkUpdateListener } from "./watermark-update-listener.js";

/**
 * Timestamps, but no watermark before the end of the input: batch execution (Flink
 * `NoOpTimestampsAndWatermarks`). Also what the source itself emits as a watermark is dropped.
 */
export class NoOpTimestampsAndWatermarks<T> implements TimestampsAndWatermarks<T> {
  readonly #assigner: TimestampAssigner<T>;

  constructor(strategy: WatermarkStrategy<T>, mainInputActivityClock: RelativeClock) {
    this.#assigner = strategy.createTimestampAssigner({
      inputActivityClock: mainInputActivityClock,
    });
  }

  createMainOutput(output: DataOutput<T>, listener: WatermarkUpdateListener): ReaderOutput<T> {
    return new TimestampsOnlyOutput(output, this.#assigner, listener);
  }

  startPeriodicWatermarkEmits(): void {}
  stopPeriodicWatermarkEmits(): void {}
  emitImmediateWatermark(): void {}
  pauseOrResumeSplits(): void {}
}

class TimestampsOnlyOutput<T> implements ReaderOutput<T> {
  readonly #output: DataOutput<T>;
  readonly #assigner: TimestampAssigner<T> | undefined;
  readonly #listener: WatermarkUpdateListener;

  constructor(
    output: DataOutput<T>,
    assigner: TimestampAssigner<T>,
    listener: WatermarkUpdateListener,
  ) {
    this.#output = output;
    this.#assigner = knownAssigner(assigner);
    this.#listener = listener;
  }

  collect(record: T, timestamp: Timestamp = MIN_TIMESTAMP): void {
    const assigner = this.#assigner;
    this.#output.emitRecord(
      record,
      assigner === undefined ? timestamp : assignTimestamp(assigner, record, timestamp),
    );
  }

  emitWatermark(): void {}
  markIdle(): void {}
  markActive(): void {}

  createOutputForSplit(): SourceOutput<T> {
    return this;
  }

  /** Flink keeps the metrics of splits that finish in batch execution; here they go. */
  releaseOutputForSplit(splitId: string): void {
    this.#listener.splitFinished(splitId);
  }
}
