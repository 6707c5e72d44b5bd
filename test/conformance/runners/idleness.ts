import { IdlenessTimer } from "../../../src/eventtime/index.js";
import type { Json, Runner, Step, StepTrace } from "../protocol.js";

/** Drives one idleness timer. */
export class IdlenessRunner implements Runner {
  /** Flink's manual clock starts at a second as well: zero would be the timer's own sentinel. */
  #time = 1000;
  readonly #timer: IdlenessTimer;

  constructor(config: Json) {
    this.#timer = new IdlenessTimer({ relativeTime: () => this.#time }, config.idleMs);
  }

  step(op: string, step: Step, out: StepTrace): void {
    switch (op) {
      case "activity":
        this.#timer.activity();
        break;
      case "advance":
        this.#time += step.ms;
        break;
      case "check":
        out.idle = this.#timer.checkIfIdle();
        break;
    }
  }

  after(): void {}
}
