import { WatermarkOutputMultiplexer } from "../../../src/eventtime/index.js";
import {
  formatLong,
  type Json,
  parseLong,
  type Runner,
  type Step,
  type StepTrace,
} from "../protocol.js";

/** Drives one watermark multiplexer. */
export class MultiplexerRunner implements Runner {
  #under: Json[] = [];
  #perSplit: Json[] = [];
  readonly #multiplexer = new WatermarkOutputMultiplexer({
    emitWatermark: (watermark) => this.#under.push({ wm: formatLong(watermark) }),
    markIdle: () => this.#under.push({ status: "IDLE" }),
    markActive: () => this.#under.push({ status: "ACTIVE" }),
  });

  step(op: string, step: Step, out: StepTrace): void {
    const id = String(step.id);
    switch (op) {
      case "register":
        this.#multiplexer.registerNewOutput(id, {
          onWatermarkUpdate: (watermark) =>
            this.#perSplit.push({ split: id, wm: formatLong(watermark) }),
          onIdleUpdate: (idle) => this.#perSplit.push({ split: id, idle }),
        });
        return;
      case "unregister":
        out.returned = this.#multiplexer.unregisterOutput(id);
        return;
      case "periodic":
        this.#multiplexer.onPeriodicEmit();
        return;
    }
    const output = op.startsWith("immediate")
      ? this.#multiplexer.getImmediateOutput(id)
      : this.#multiplexer.getDeferredOutput(id);
    if (op.endsWith("Idle")) output.markIdle();
    else if (op.endsWith("Active")) output.markActive();
    else output.emitWatermark(parseLong(step.wm));
  }

  after(out: StepTrace): void {
    out.under = this.#under;
    out.perSplit = this.#perSplit;
    this.#under = [];
    this.#perSplit = [];
  }
}
