import type { Watermark } from "../api/watermark.js";
import type { PartialWatermark } from "./partial-watermark.js";
import { MIN_TIMESTAMP } from "./watermark-bounds.js";
import { WatermarkHeap } from "./watermark-heap.js";

/**
 * One watermark out of those of many outputs (Flink `CombinedWatermarkStatus`): the lowest of the
 * active ones, or the highest of all when every one is idle.
 *
 * Owns: its outputs' watermarks and idleness. Called by: `WatermarkOutputMultiplexer`.
 * Invariants: the combined watermark never goes back; a rise of one output costs O(1), and the
 * combination O(log n) at most. Flink looks at every output each time, which with 10,000 splits
 * makes per-record watermarks quadratic.
 */
export class CombinedWatermarkStatus {
  readonly #outputs = new Set<PartialWatermark>();
  readonly #active = new WatermarkHeap();
  #combined: Watermark = MIN_TIMESTAMP;
  #idle = false;
  #maximum: Watermark = MIN_TIMESTAMP;
  /** The output that held the maximum has gone: it has to be looked for when it is next needed. */
  #maximumLost = false;

  get combinedWatermark(): Watermark {
    return this.#combined;
  }

  /** Whether every output was idle at the last update; an update without outputs leaves it. */
  get idle(): boolean {
    return this.#idle;
  }

  add(output: PartialWatermark): void {
    output.registered = true;
    this.#outputs.add(output);
    if (!output.idle) this.#active.add(output);
    if (output.watermark > this.#maximum) this.#maximum = output.watermark;
  }

  remove(output: PartialWatermark): void {
    output.registered = false;
    this.#outputs.delete(output);
    this.#active.remove(output);
    if (output.watermark === this.#maximum) this.#maximumLost = true;
  }

  /** Makes the output active, and says whether its watermark has risen. */
  setWatermark(output: PartialWatermark, watermark: Watermark): boolean {
    this.setIdle(output, false);
    if (!(watermark > output.watermark)) return false;
    // The listener first: when it throws, the output has not risen.
    output.listener.onWatermarkUpdate(watermark);
    output.watermark = watermark;
    if (output.registered && watermark > this.#maximum) this.#maximum = watermark;
    return true;
  }

  setIdle(output: PartialWatermark, idle: boolean): void {
    if (idle !== output.idle) {
      output.idle = idle;
      if (output.registered) {
        if (idle) this.#active.remove(output);
        else this.#active.add(output);
      }
    }
    output.listener.onIdleUpdate(idle);
  }

  /** Combines the outputs anew; true when the combined watermark has risen. */
  updateCombinedWatermark(): boolean {
    if (this.#outputs.size === 0) return false;
    this.#idle = this.#active.size === 0;
    const combined = this.#idle ? this.#highest() : this.#active.minimum();
    if (!(combined > this.#combined)) return false;
    this.#combined = combined;
    return true;
  }

  #highest(): Watermark {
    if (this.#maximumLost) {
      this.#maximumLost = false;
      this.#maximum = MIN_TIMESTAMP;
      for (const output of this.#outputs) {
        if (output.watermark > this.#maximum) this.#maximum = output.watermark;
      }
    }
    return this.#maximum;
  }
}
