import { WatermarkAggregator } from "../../../src/coordinator/index.js";
import { formatLong, parseLong, type Runner, type Step, type StepTrace } from "../protocol.js";

/** Drives a watermark aggregator alone. */
export class AggregatorRunner implements Runner {
  readonly #aggregator = new WatermarkAggregator<string>();

  step(_op: string, step: Step, out: StepTrace): void {
    const changed = this.#aggregator.aggregate(String(step.key), parseLong(step.wm));
    out.changedTo = changed === undefined ? null : formatLong(changed);
    out.combined = formatLong(this.#aggregator.combined);
  }

  after(): void {}
}
