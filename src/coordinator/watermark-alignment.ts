import type { Watermark, WatermarkAlignmentParams } from "../api/watermark.js";
import type { AlignmentGroupMinimum } from "./coordinator-event.js";
import { WatermarkAggregator } from "./watermark-aggregator.js";

/**
 * Owns: the latest watermark of each subtask of one source, and what its group said last.
 * Called by: the coordinator's loop. Invariants: a failed subtask's last watermark stays until its
 * successor reports; only subtasks that have reported count (FLIP-182).
 */
export class WatermarkAlignment {
  readonly #params: WatermarkAlignmentParams;
  readonly #subtasks = new WatermarkAggregator<number>();
  #group: Pick<AlignmentGroupMinimum, "minimum" | "sources"> = {
    minimum: Number.NEGATIVE_INFINITY,
    sources: 0,
  };

  constructor(params: WatermarkAlignmentParams) {
    this.#params = params;
  }

  /** The minimum over the source's own subtasks. */
  get combined(): Watermark {
    return this.#subtasks.combined;
  }

  /** The subtasks that have reported, in order. */
  get subtasks(): readonly number[] {
    return [...this.#subtasks.keys].sort((a, b) => a - b);
  }

  /** Takes a subtask's report; the source's new minimum when that changed, otherwise undefined. */
  report(subtask: number, watermark: Watermark): Watermark | undefined {
    return this.#subtasks.aggregate(subtask, watermark);
  }

  setGroupMinimum(group: Pick<AlignmentGroupMinimum, "minimum" | "sources">): void {
    this.#group = group;
  }

  /**
   * No subtask may read past this: the group's minimum plus this source's own drift.
   *
   * Until the group has heard of a source, its own minimum counts: -Infinity would stop all
   * readers.
   */
  get maxAllowedWatermark(): Watermark {
    const { minimum, sources } = this.#group;
    return (sources === 0 ? this.combined : minimum) + this.#params.maxDrift;
  }
}
