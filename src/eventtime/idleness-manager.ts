import type { Watermark, WatermarkOutput } from "../api/watermark.js";

/**
 * Joins the main output and the combined splits (Flink `IdlenessManager`): the stream is idle when
 * both are. Each counts as idle until it says something.
 */
export class IdlenessManager {
  readonly splitLocalOutput: WatermarkOutput;
  readonly mainOutput: WatermarkOutput;

  constructor(underlying: WatermarkOutput) {
    const splitLocal = new IdlenessAwareOutput(underlying);
    const main = new IdlenessAwareOutput(underlying);
    splitLocal.other = main;
    main.other = splitLocal;
    this.splitLocalOutput = splitLocal;
    this.mainOutput = main;
  }
}

class IdlenessAwareOutput implements WatermarkOutput {
  other: IdlenessAwareOutput | undefined;
  readonly #underlying: WatermarkOutput;
  #idle = true;

  constructor(underlying: WatermarkOutput) {
    this.#underlying = underlying;
  }

  emitWatermark(watermark: Watermark): void {
    this.#underlying.emitWatermark(watermark);
    this.#idle = false;
  }

  markIdle(): void {
    this.#idle = true;
    if (this.other === undefined || this.other.#idle) this.#underlying.markIdle();
  }

  markActive(): void {
    this.#idle = false;
    this.#underlying.markActive();
  }
}
