import type { Timestamp, Watermark } from "../../api/watermark.js";

/** What may go with a record. */
export interface CollectOptions<P> {
  /** Event time in milliseconds; without it the strategy's assigner sees -Infinity. */
  readonly timestamp?: Timestamp;
  /** Plain JSON from which the producer can go on behind this record. */
  readonly position?: P;
}

/**
 * What a producer may do (Flink `SourceFunction.SourceContext`); from anywhere, at any time.
 *
 * There is no lock: a position is in a checkpoint exactly when its record has been emitted before it.
 */
export interface SourceFunctionContext<T, P = unknown> {
  /**
   * Hands a record over. Await it: with `overflow: "block"` it waits while the buffer is full. It
   * never throws; it rejects when the source takes nothing any more.
   */
  collect(record: T, timestampOrOptions?: Timestamp | CollectOptions<P>): void | Promise<void>;
  /** Promises that no record with a timestamp up to this one follows; in order with the records. */
  emitWatermark(watermark: Watermark): void;
  /** Until the next record or watermark the source does not hold the watermark back. */
  markAsTemporarilyIdle(): void;
  /** Aborted as soon as the source takes nothing any more: it is closed, or has failed. */
  readonly signal: AbortSignal;
  /** The position of the last record before the checkpoint; undefined: start from the beginning. */
  readonly restoredPosition: P | undefined;
}

/** Something that pushes records (Flink `SourceFunction`). */
export interface Producer<T, P = unknown> {
  /** Pushes until it is done or cancelled: when it returns, or its promise resolves, the source ends. */
  run(context: SourceFunctionContext<T, P>): void | Promise<void>;
  /** Makes `run` end; called once for each run, when the reader closes or the run is over. */
  cancel?(): void | Promise<void>;
}
