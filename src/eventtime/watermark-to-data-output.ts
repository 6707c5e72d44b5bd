import type { DataOutput } from "../api/data-output.js";
import type { Watermark, WatermarkOutput } from "../api/watermark.js";
import { MIN_TIMESTAMP } from "./watermark-bounds.js";
import type { WatermarkUpdateListener } from "./watermark-update-listener.js";

/**
 * Puts watermarks and idleness into the stream (Flink `WatermarkToDataOutput`).
 *
 * Owns: what the stream has been told. Called by: the operator's loop.
 * Invariants: emitted watermarks strictly rise; IDLE and ACTIVE alternate; a watermark ends idleness.
 */
export class WatermarkToDataOutput implements WatermarkOutput {
  readonly #output: DataOutput<never>;
  readonly #listener: Pick<
    WatermarkUpdateListener,
    "updateIdle" | "updateCurrentEffectiveWatermark"
  >;
  #maxWatermark: Watermark = MIN_TIMESTAMP;
  #idle = false;

  constructor(
    output: DataOutput<never>,
    listener: Pick<WatermarkUpdateListener, "updateIdle" | "updateCurrentEffectiveWatermark">,
  ) {
    this.#output = output;
    this.#listener = listener;
  }

  emitWatermark(watermark: Watermark): void {
    if (!(watermark > this.#maxWatermark)) return;
    this.#maxWatermark = watermark;
    this.#listener.updateCurrentEffectiveWatermark(watermark);
    this.markActive();
    this.#output.emitWatermark(watermark);
  }

  markIdle(): void {
    if (this.#idle) return;
    this.#output.emitWatermarkStatus("IDLE");
    this.#listener.updateIdle(true);
    this.#idle = true;
  }

  markActive(): void {
    if (!this.#idle) return;
    this.#output.emitWatermarkStatus("ACTIVE");
    this.#listener.updateIdle(false);
    this.#idle = false;
  }
}
