import type { Watermark, WatermarkOutput } from "../api/watermark.js";
import { illegalArgument, illegalState } from "../errors/index.js";
import { CombinedWatermarkStatus } from "./combined-watermark-status.js";
import {
  createPartialWatermark,
  type PartialWatermark,
  type SplitWatermarkListener,
} from "./partial-watermark.js";

const NO_LISTENER: SplitWatermarkListener = {
  onWatermarkUpdate() {},
  onIdleUpdate() {},
};

/**
 * Combines the watermarks of several outputs into one (Flink `WatermarkOutputMultiplexer`).
 *
 * Owns: its outputs. Called by: the operator's loop. An output's immediate side combines at once
 * when its watermark may count; its deferred side waits for `onPeriodicEmit`.
 */
export class WatermarkOutputMultiplexer {
  readonly #underlying: WatermarkOutput;
  readonly #outputs = new Map<string, PartialWatermark>();
  readonly #combined = new CombinedWatermarkStatus();

  constructor(underlying: WatermarkOutput) {
    this.#underlying = underlying;
  }

  /** Throws ILLEGAL_STATE when the id is registered already. */
  registerNewOutput(id: string, listener: SplitWatermarkListener = NO_LISTENER): void {
    if (this.#outputs.has(id)) {
      throw illegalState(`there is already a watermark output for ${id}`);
    }
    const output = createPartialWatermark(listener);
    this.#outputs.set(id, output);
    this.#combined.add(output);
  }

  /** Whether the id was registered. It emits nothing, even when the output held the rest back. */
  unregisterOutput(id: string): boolean {
    const output = this.#outputs.get(id);
    if (output === undefined) return false;
    this.#outputs.delete(id);
    this.#combined.remove(output);
    return true;
  }

  /** Throws ILLEGAL_ARGUMENT for an unknown id. */
  getImmediateOutput(id: string): WatermarkOutput {
    return new ImmediateOutput(this, this.#combined, this.#registered(id));
  }

  /** Throws ILLEGAL_ARGUMENT for an unknown id. */
  getDeferredOutput(id: string): WatermarkOutput {
    return new DeferredOutput(this.#combined, this.#registered(id));
  }

  /** Combines what the outputs have said so far, and emits it when it has risen. */
  onPeriodicEmit(): void {
    if (this.#combined.updateCombinedWatermark()) {
      this.#underlying.emitWatermark(this.#combined.combinedWatermark);
    }
    if (this.#combined.idle) this.#underlying.markIdle();
  }

  #registered(id: string): PartialWatermark {
    const output = this.#outputs.get(id);
    if (output === undefined) throw illegalArgument(`there is no watermark output for ${id}`);
    return output;
  }
}

class ImmediateOutput implements WatermarkOutput {
  readonly #multiplexer: WatermarkOutputMultiplexer;
  readonly #combined: CombinedWatermarkStatus;
  readonly #output: PartialWatermark;

  constructor(
    multiplexer: WatermarkOutputMultiplexer,
    combined: CombinedWatermarkStatus,
    output: PartialWatermark,
  ) {
    this.#multiplexer = multiplexer;
    this.#combined = combined;
    this.#output = output;
  }

  emitWatermark(watermark: Watermark): void {
    const risen = this.#combined.setWatermark(this.#output, watermark);
    if (risen && watermark > this.#combined.combinedWatermark) this.#multiplexer.onPeriodicEmit();
  }

  markIdle(): void {
    this.#combined.setIdle(this.#output, true);
    this.#multiplexer.onPeriodicEmit();
  }

  markActive(): void {
    this.#combined.setIdle(this.#output, false);
    this.#multiplexer.onPeriodicEmit();
  }
}

class DeferredOutput implements WatermarkOutput {
  readonly #combined: CombinedWatermarkStatus;
  readonly #output: PartialWatermark;

  constructor(combined: CombinedWatermarkStatus, output: PartialWatermark) {
    this.#combined = combined;
    this.#output = output;
  }

  emitWatermark(watermark: Watermark): void {
    this.#combined.setWatermark(this.#output, watermark);
  }

  markIdle(): void {
    this.#combined.setIdle(this.#output, true);
  }

  markActive(): void {
    this.#combined.setIdle(this.#output, false);
  }
}
