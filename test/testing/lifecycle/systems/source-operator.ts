import { type SourceOperatorEvent, sourceOperatorMachine } from "../../../../machines/index.js";
import type { Availability } from "../../../../src/mailbox/index.js";
import { OperatorBench } from "../../../conformance/fixtures/operator-bench.js";
import { parseSplit } from "../../../conformance/fixtures/operator-split.js";
import { lifecycleOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";

/** The watermark that its one record brings. */
const WATERMARK = 42;

class SourceOperatorSystem {
  readonly #probe = new MachineProbe();
  readonly #bench = new OperatorBench({ gen: "punctuated" }, { inspect: this.#probe.inspect });
  #stop: Availability | undefined;
  #wait: Availability | undefined;
  #isFinished = false;

  constructor() {
    this.#bench.operator.open([parseSplit({ id: 0, records: [WATERMARK] })]);
  }

  send(event: SourceOperatorEvent): void {
    if (this.#bringAbout(event)) return;
    this.#probe.inject(event);
    // The operator knows nothing of it, and tells nobody that waits.
    this.#wait = undefined;
  }

  state() {
    const { operator, clock } = this.#bench;
    const { state, hasFailed } = this.#probe;
    if (state === "WAITING_FOR_ALIGNMENT") this.#wait ??= operator.isAvailable();
    const waits = this.#wait?.isDone === false;
    if (!waits) this.#wait = undefined;
    const isAvailable = operator.isAvailable().isDone;
    // Its timers end with its stop, and whoever waits for the stop hears of it then.
    const hasTimers = clock.pending > 0;
    const mustHaveStopped = state === "SOURCE_STOPPED" || this.#isFinished;
    const isStopped =
      (!mustHaveStopped || !hasTimers) && (this.#stop?.isDone ?? !hasTimers) === !hasTimers;
    return { state, hasFailed, mode: operator.mode, waits, isAvailable, isStopped };
  }

  async dispose(): Promise<void> {
    await this.#bench.operator.close();
  }

  /** False: nothing outside the class can bring it about in this mode. */
  #bringAbout(event: SourceOperatorEvent): boolean {
    const { operator } = this.#bench;
    switch (event.type) {
      case "OutputInitialized":
        return this.#emitIn("OUTPUT_NOT_INITIALIZED");
      case "EndOfInputReached":
        if (operator.mode !== "READING") return false;
        this.#bench.reader.assigned.length = 0;
        return this.#emitIn("READING");
      case "StatusReturned":
        return this.#emitIn("SOURCE_STOPPED", "SOURCE_DRAINED");
      case "WatermarkPastLimit":
        if (operator.mode !== "READING") return false;
        this.#bench.align(WATERMARK - 1);
        return true;
      case "WatermarkWithinLimit":
        if (operator.mode !== "WAITING_FOR_ALIGNMENT") return false;
        this.#bench.align(WATERMARK);
        return true;
      case "StopRequested":
        this.#stop = operator.stop(event.mode);
        return true;
      case "FinishRequested":
        operator.finish();
        this.#isFinished = true;
        return true;
    }
  }

  #emitIn(...modes: readonly string[]): boolean {
    if (!modes.includes(this.#bench.operator.mode)) return false;
    this.#bench.emitNext();
    return true;
  }
}

export const sourceOperator = lifecycleOf(
  sourceOperatorMachine,
  { create: () => new SourceOperatorSystem() },
  {
    events: [
      { type: "OutputInitialized" },
      { type: "WatermarkPastLimit" },
      { type: "WatermarkWithinLimit" },
      { type: "EndOfInputReached" },
      { type: "StopRequested", mode: "DRAIN" },
      { type: "StopRequested", mode: "NO_DRAIN" },
      { type: "StatusReturned" },
      { type: "FinishRequested" },
    ],
    endsAfter: ["unexpectedEvent"],
    expected: ({ state, effects }) => ({
      state,
      mode: state,
      hasFailed: effects.includes("unexpectedEvent"),
      waits: state === "WAITING_FOR_ALIGNMENT",
      isAvailable: state !== "WAITING_FOR_ALIGNMENT",
      isStopped: true,
    }),
    // Every call returns when all is done: what varies is their order.
    interleavings: {},
  },
);
