import type { DataOutput } from "../api/data-output.js";
import type { SourceOutput } from "../api/source-reader.js";
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
