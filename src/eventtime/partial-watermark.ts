import type { Watermark } from "../api/watermark.js";
import { MIN_TIMESTAMP } from "./watermark-bounds.js";

/** Hears what becomes of one output of a multiplexer (Flink `WatermarkUpdateListener`). */
export interface SplitWatermarkListener {
  /** The output's watermark has risen. */
  onWatermarkUpdate(watermark: Watermark): void;
  /** The output has said whether it is idle; also when nothing has changed. */
  onIdleUpdate(idle: boolean): void;
}

/** One output's watermark, as `CombinedWatermarkStatus` keeps it (Flink `PartialWatermark`). */
export interface PartialWatermark {
  readonly listener: SplitWatermarkListener;
  watermark: Watermark;
  idle: boolean;
  registered: boolean;
  /** The watermark by which the heap is ordered: never above `watermark`, often behind it. */
  heapKey: Watermark;
  /** Place in the heap of active outputs; -1 outside. */
  heapIndex: number;
}

export function createPartialWatermark(listener: SplitWatermarkListener): PartialWatermark {
  return {
    listener,
    watermark: MIN_TIMESTAMP,
    idle: false,
    registered: false,
    heapKey: MIN_TIMESTAMP,
    heapIndex: -1,
  };
}
