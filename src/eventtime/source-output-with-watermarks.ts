import type { DataOutput, RecordBuffer } from "../api/data-output.js";
import type { PollBudget, SourceOutput, SplitIterator } from "../api/source-reader.js";
import type {
  Timestamp,
  TimestampAssigner,
  Watermark,
  WatermarkGenerator,
  WatermarkOutput,
} from "../api/watermark.js";
import { HeadwaterError } from "../errors/index.js";
import { MIN_TIMESTAMP } from "./watermark-bounds.js";
import { NO_WATERMARKS, RECORD_TIMESTAMP } from "./watermark-generators.js";

/** Where one output's watermarks go: those of a record, and those of a watermark interval. */
export interface WatermarkOutputs {
  readonly onEvent: WatermarkOutput;
  readonly periodic: WatermarkOutput;
}

/** What is not asked is undefined, so that a source without event time pays two comparisons a record. */
export function knownAssigner<T>(assigner: TimestampAssigner<T>): TimestampAssigner<T> | undefined {
  return assigner === RECORD_TIMESTAMP ? undefined : assigner;
}

/** The assigner's timestamp; throws OPERATOR_FAILED for NaN, which would stop event time silently. */
export function assignTimestamp<T>(
  assigner: TimestampAssigner<T>,
  record: T,
  recordTimestamp: Timestamp,
): Timestamp {
  const timestamp = assigner(record, recordTimestamp);
  if (!Number.isNaN(timestamp)) return timestamp;
  throw new HeadwaterError("OPERATOR_FAILED", "the timestamp assigner gave NaN for a record", {
    domain: "user",
    retry: "never",
    scope: "record",
    hint: "check the field it reads: an invalid Date gives NaN. Return the given timestamp, or -Infinity, for records without event time.",
  });
}

/**
 * Where a reader puts records, and what makes their timestamps and watermarks (Flink
 * `SourceOutputWithWatermarks`).
 *
 * Owns: one generator. Called by: the reader, per record, in the operator's loop.
 * Invariants: a record is emitted before its generator sees it.
 */
export class SourceOutputWithWatermarks<T> implements SourceOutput<T> {
  readonly #records: DataOutput<T>;
  readonly #onEvent: WatermarkOutput;
  readonly #periodic: WatermarkOutput;
  readonly #assigner: TimestampAssigner<T> | undefined;
  readonly #generator: WatermarkGenerator<T> | undefined;

  constructor(
    records: DataOutput<T>,
    watermarks: WatermarkOutputs,
    assigner: TimestampAssigner<T>,
    generator: WatermarkGenerator<T>,
  ) {
    this.#records = records;
    this.#onEvent = watermarks.onEvent;
    this.#periodic = watermarks.periodic;
    this.#assigner = knownAssigner(assigner);
    this.#generator = generator === NO_WATERMARKS ? undefined : generator;
  }

  collect(record: T, timestamp: Timestamp = MIN_TIMESTAMP): void {
    const assigner = this.#assigner;
    const assigned =
      assigner === undefined ? timestamp : assignTimestamp(assigner, record, timestamp);
    this.#records.emitRecord(record, assigned);
    this.#generator?.onEvent(record, assigned, this.#onEvent);
  }

  /** A whole run at once where nothing can come in between; otherwise one by one. */
  collectFrom(records: SplitIterator<T>, budget: PollBudget): number {
    const { buffer } = this.#records;
    const generator = this.#generator;
    const count =
      buffer !== undefined &&
      records.fill !== undefined &&
      (generator === undefined || generator.onEvents !== undefined)
        ? this.#fillFrom(buffer, records, budget)
        : this.#collectOneByOne(records, budget);
    budget.remaining = Math.max(0, budget.remaining - count);
    return count;
  }

  #collectOneByOne(records: SplitIterator<T>, budget: PollBudget): number {
    const atMost = budget.remaining;
    let count = 0;
    do {
      const record = records.next();
      this.collect(record, records.timestamp?.());
      count++;
    } while (count < atMost && budget.remaining > 0 && records.hasNext());
    return count;
  }

  #fillFrom(buffer: RecordBuffer<T>, from: SplitIterator<T>, budget: PollBudget): number {
    const { records, timestamps, length: start } = buffer;
    const count = from.fill?.(records, start, Math.max(1, budget.remaining), timestamps) ?? 0;
    const end = start + count;
    const assigner = this.#assigner;
    const hasTimestamps = from.timestamp !== undefined;
    for (let at = start; at < end; at++) {
      const timestamp = hasTimestamps ? (timestamps[at] as Timestamp) : MIN_TIMESTAMP;
      timestamps[at] =
        assigner === undefined ? timestamp : assignTimestamp(assigner, records[at] as T, timestamp);
    }
    buffer.length = end;
    this.#generator?.onEvents?.(timestamps, start, end);
    return count;
  }

  emitWatermark(watermark: Watermark): void {
    this.#onEvent.emitWatermark(watermark);
  }

  markIdle(): void {
    this.#onEvent.markIdle();
  }

  markActive(): void {
    this.#onEvent.markActive();
  }

  emitPeriodicWatermark(): void {
    this.#generator?.onPeriodicEmit(this.#periodic);
  }
}
