import type { Timestamp, Watermark } from "../api/watermark.js";

/** No timestamp, and no watermark yet (Flink Long.MIN, `Watermark.UNINITIALIZED`). */
export const MIN_TIMESTAMP: Timestamp = Number.NEGATIVE_INFINITY;

/** Event time has come to its end (Flink Long.MAX, `Watermark.MAX_WATERMARK`). */
export const MAX_WATERMARK: Watermark = Number.POSITIVE_INFINITY;
