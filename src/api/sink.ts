import type { ProcessingTimeService } from "../mailbox/ports.js";
import type { MetricGroup } from "./metrics.js";
import type { Timestamp, Watermark } from "./watermark.js";

/** What a sink writer may use of its subtask. */
export interface SinkWriterContext {
  readonly jobName: string;
  readonly indexOfSubtask: number;
  readonly currentParallelism: number;
  readonly metricGroup: MetricGroup;
  /** Timers whose callbacks run in the subtask's loop. */
  readonly processingTime: ProcessingTimeService;
}

/**
 * Writes the records of one subtask (FLIP-143 `SinkWriter`); called in the subtask's loop.
 *
 * `write` gets a whole chunk: records and timestamps have the same length. When it returns a
 * promise, the next chunk waits for it: that is the back-pressure.
 */
export interface SinkWriter<T> {
  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void>;
  writeWatermark?(watermark: Watermark): void | Promise<void>;
  /** Everything written so far must be outside when this resolves; before a checkpoint and at the end. */
  flush?(endOfInput: boolean): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** Where a job's records go (FLIP-143 `Sink`): a factory, one writer a subtask and attempt. */
export interface Sink<T> {
  readonly name: string;
  createWriter(context: SinkWriterContext): SinkWriter<T> | Promise<SinkWriter<T>>;
}
