import type { Watermark } from "../api/watermark.js";
import type { SplitWatermarkListener } from "./partial-watermark.js";

/** Hears of the watermarks that leave a source operator (Flink `TimestampsAndWatermarks.WatermarkUpdateListener`). */
export interface WatermarkUpdateListener {
  /** The output has become idle or active. */
  updateIdle(idle: boolean): void;
  /** The output's watermark rises; called before it is emitted. */
  updateCurrentEffectiveWatermark(watermark: Watermark): void;
  /** Who hears of a split's watermark; asked once when the split gets its output. */
  splitListener(splitId: string): SplitWatermarkListener;
  /** The split's output has been released. */
  splitFinished(splitId: string): void;
}
