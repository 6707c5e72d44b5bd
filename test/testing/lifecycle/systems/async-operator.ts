import { type AsyncOperatorEvent, asyncOperatorMachine } from "../../../../machines/index.js";
import { AsyncMapRun } from "../../../../src/stream/async-map-run.js";
import type { Chunk, Control } from "../../../../src/stream/chunk.js";
import { STANDALONE } from "../../../../src/stream/operator-context.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import { lifecycleOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";
import { patience } from "./stage.js";

const CAPACITY = 2;

interface Call {
  readonly signal: AbortSignal;
  isHeard: boolean;
  resolve(result: number): void;
}

/** An asyncMap that always has a call under way, answered by hand. */
class AsyncMapSystem {
  readonly #probe = new MachineProbe();
  readonly #run: AsyncMapRun<number, number>;
  readonly #ports: LifecyclePorts;
  readonly #calls: Call[] = [];
  #answering: Promise<unknown> = Promise.resolve();
  #abort: (checkpointId: number) => void = () => {};
  #checkpointId = 0;

  constructor(ports: LifecyclePorts) {
    this.#ports = ports;
    this.#run = new AsyncMapRun<number, number>(
      {
        name: "lookup",
        mode: "ordered",
        capacity: CAPACITY,
        timeout: undefined,
        onTimeout: undefined,
        retry: undefined,
        fn: (_, { signal }) => this.#call(signal),
      },
      {
        ...STANDALONE,
        inspect: this.#probe.inspect,
        onCheckpointAborted: (listener) => {
          this.#abort = listener;
        },
      },
      { next: () => {}, error: () => {}, complete: () => {} },
    );
    this.#push(1);
  }

  async send(event: AsyncOperatorEvent): Promise<void> {
    const { type } = event;
    if (type === "CapacityFreed" || type === "AllEmitted") {
      // One at a time: what it answers is not for the next.
      const answered = this.#answering.then(() => this.#answer(event));
      this.#answering = answered;
      await answered;
    } else if (!this.#isDropped(event) && !this.#bringAbout(event)) this.#probe.inject(event);
  }

  state() {
    const { state, hasFailed } = this.#probe;
    const isReleased = this.#calls.every(({ signal }) => signal.aborted);
    return { state, hasFailed, isReleased };
  }

  #isDropped(event: AsyncOperatorEvent): boolean {
    return this.#ports.isInterleaved && this.#probe.isIllegal(event);
  }

  #bringAbout({ type }: AsyncOperatorEvent): boolean {
    const { state } = this.#probe;
    switch (type) {
      case "CapacityReached":
        if (state !== "OPEN") return false;
        this.#push(CAPACITY);
        return true;
      case "StopBarrierPassed": {
        if (state !== "OPEN" && state !== "FULL") return false;
        const barrier = { checkpointId: ++this.#checkpointId, stop: true };
        this.#push(0, [{ type: "Barrier", barrier, index: 0 } as never]);
        return true;
      }
      case "StopAborted":
        if (state !== "STOPPED") return false;
        this.#abort(this.#checkpointId);
        return true;
      case "InputEnded":
        if (state === "FINISHING" || state === "CLOSED") return false;
        this.#run.end();
        return true;
      case "Failed":
        this.#run.fail(new Error("test"));
        return true;
      case "CloseRequested":
        this.#run.close();
        return true;
      default:
        return false;
    }
  }

  #push(count: number, controls: readonly Control[] = []): void {
    const records = Array.from({ length: count }, (_, index) => index);
    const chunk: Chunk<number> = { records, timestamps: records, controls };
    this.#run.accept(chunk);
  }

  /** Answers calls until there is room again, or none is left. */
  async #answer(event: AsyncOperatorEvent): Promise<void> {
    const waits = event.type === "CapacityFreed" ? "FULL" : "FINISHING";
    if (this.#probe.state !== waits) {
      if (!this.#isDropped(event)) this.#probe.inject(event);
      return;
    }
    while (this.#probe.state === waits) {
      const call = this.#calls.shift();
      if (call === undefined) return;
      call.resolve(0);
      await patience(this.#ports.scheduler, () => call.isHeard);
    }
  }

  #call(signal: AbortSignal): Promise<number> {
    const answered = new Promise<number>((resolve) => {
      this.#calls.push({ signal, resolve, isHeard: false });
    });
    const call = this.#calls.at(-1) as Call;
    const heard = this.#ports.gate(answered);
    // After the operator, which has asked first, has heard of it.
    queueMicrotask(() => {
      void heard.then(async () => {
        for (let i = 0; i < 10; i++) await Promise.resolve();
        call.isHeard = true;
      });
    });
    return heard;
  }
}

export const asyncOperator = lifecycleOf(
  asyncOperatorMachine,
  { create: (ports) => new AsyncMapSystem(ports) },
  {
    endsAfter: ["unexpectedEvent"],
    exclude: [
      {
        state: "STOPPED",
        event: "InputEnded",
        reason: "the class has nothing left then, and goes through FINISHING at once",
      },
    ],
    expected: ({ state, effects }) => ({
      state,
      hasFailed: effects.includes("unexpectedEvent"),
      isReleased: state === "CLOSED",
    }),
    interleavings: { dropIllegal: true },
  },
);
