import type { BadRecord } from "../api/bad-record.js";
import type { RecordAttributes, WatermarkStatus } from "../api/data-output.js";
import type { Timestamp, Watermark } from "../api/watermark.js";

/** A checkpoint's cut through the stream; always the last control of its chunk. */
export interface CheckpointBarrier {
  readonly checkpointId: number;
  /** A savepoint that stops the job: nothing follows the barrier. */
  readonly stop: boolean;
}

/** What is not a record, with its place: after `at` records of the chunk. */
export type Control =
  | { readonly type: "Watermark"; readonly at: number; readonly watermark: Watermark }
  | { readonly type: "WatermarkStatus"; readonly at: number; readonly status: WatermarkStatus }
  | {
      readonly type: "RecordAttributes";
      readonly at: number;
      readonly attributes: RecordAttributes;
    }
  /** An input that became a dead letter, where its record would have been. */
  | { readonly type: "BadRecord"; readonly at: number; readonly badRecord: BadRecord }
  | { readonly type: "Barrier"; readonly at: number; readonly barrier: CheckpointBarrier }
  | { readonly type: "EndOfData"; readonly at: number };

/**
 * A run of stream elements, in order: what travels on the data plane.
 *
 * `records` and `timestamps` have the same length (`-Infinity`: no timestamp). `controls` are in
 * stream order, with `at` never decreasing. A chunk belongs to the operator that holds it.
 */
export interface Chunk<T> {
  readonly records: readonly T[];
  readonly timestamps: readonly Timestamp[];
  readonly controls: readonly Control[];
  /**
   * How many of the source's credits come back when the chunk has been written; default 1. What an
   * operator emits has as many in all as what it was given.
   */
  readonly credits?: number | undefined;
}

/** The credits that come back with a chunk. */
export function creditsOf({ credits = 1 }: Chunk<unknown>): number {
  return credits;
}

/** The shared list of chunks without controls. */
export const NO_CONTROLS: readonly Control[] = [];
