import type { Observer } from "rxjs";
import { asyncOperatorMachine } from "../../machines/async-operator.machine.js";
import { illegalState } from "../errors/index.js";
import { MachineHost } from "../mailbox/index.js";
import { AsyncMapBuffer } from "./async-map-buffer.js";
import { AsyncCalls } from "./async-map-calls.js";
import type { AsyncMapSettings } from "./async-map-options.js";
import { type InFlight, inFlightOf, stateOf } from "./async-map-state.js";
import type { Chunk, Control } from "./chunk.js";
import { FINAL_STATE, type OperatorContext, snapshotFailed } from "./operator-context.js";

type Barrier = Extract<Control, { readonly type: "Barrier" }>;

/**
 * One subscription's `asyncMap` (Flink `AsyncWaitOperator`).
 *
 * Owns: the buffer of everything on its way, and the calls.
 * Called by: the stream it is subscribed to and its calls, in the subtask's loop. Invariants: a barrier
 * and a dead letter pass at once, all other controls keep their place; what has not been emitted
 * before a barrier is in its state, and only that. As many credits go out as come in.
 */
export class AsyncMapRun<A, B> {
  readonly #settings: AsyncMapSettings<A, B>;
  readonly #context: OperatorContext;
  readonly #subscriber: Observer<Chunk<B>>;
  readonly #machine: MachineHost<typeof asyncOperatorMachine>;
  readonly #buffer: AsyncMapBuffer<A, B>;
  readonly #calls: AsyncCalls<A, B>;
  /** The end of event time has come: a stop is a drain. */
  #isTimeOver = false;
  #stopId: number | undefined;
  /** What a stop has left in flight. */
  #left: readonly InFlight<A>[] = [];
  #error: unknown;

  constructor(
    settings: AsyncMapSettings<A, B>,
    context: OperatorContext,
    subscriber: Observer<Chunk<B>>,
  ) {
    this.#settings = settings;
    this.#context = context;
    this.#subscriber = subscriber;
    this.#buffer = new AsyncMapBuffer(settings, {
      start: (record, timestamp) => this.#calls.start(record, timestamp),
      controlLeaves: (control) => this.#controlLeaves(control),
    });
    this.#calls = new AsyncCalls(settings, context, {
      completed: (call) => this.#buffer.completed(call),
      progressed: () => this.#advance(),
      failed: (error) => this.fail(error),
    });
    this.#machine = new MachineHost(asyncOperatorMachine, {
      id: `${context.address}/${settings.name}`,
      inspect: context.inspect,
      actions: {
        discard: () => this.#discard(),
        release: () => this.#release(this.#error ?? new Error("the operator has been closed")),
        unexpectedEvent: ({ event }) => {
          throw illegalState(`operator ${settings.name} takes no ${event.type} in ${this.#state}`);
        },
      },
    });
    context.onCheckpointAborted((checkpointId) => this.#checkpointAborted(checkpointId));
  }

  get #state(): string {
    return String(this.#machine.snapshot.value);
  }

  /** Calls the function again for the records that the restored checkpoint has; before all input. */
  replay(): void {
    const restored = inFlightOf<A>(this.#settings.name, this.#context.restoredStates);
    if (restored.length === 0) return;
    this.#buffer.push({
      records: restored.map(({ record }) => record),
      timestamps: restored.map(({ timestamp }) => timestamp),
      controls: [],
      credits: 0,
    });
    this.#advance();
  }

  accept(chunk: Chunk<A>): void {
    if (this.#state === "CLOSED") return;
    const inOrder = chunk.controls.filter((control) => this.#keepsItsPlace(control));
    this.#buffer.push({ ...chunk, controls: inOrder });
    this.#fill();
    const last = chunk.controls.at(-1);
    if (last?.type === "Barrier" && !inOrder.includes(last)) this.#passBarrier(last);
    this.#advance();
  }

  /** The input has ended. */
  end(): void {
    if (this.#state === "FINISHING" || this.#state === "CLOSED") return;
    this.#machine.send({ type: "InputEnded" });
    this.#advance();
  }

  fail(error: unknown): void {
    if (this.#state === "CLOSED") return;
    this.#error = error;
    this.#machine.send({ type: "Failed" });
    this.#subscriber.error(error);
  }

  close(): void {
    if (this.#state !== "CLOSED") this.#machine.send({ type: "CloseRequested" });
  }

  #keepsItsPlace(control: Control): boolean {
    switch (control.type) {
      case "BadRecord":
        this.#buffer.output.control(control);
        return false;
      case "Barrier":
        // A drain lets everything out, and then its barrier.
        return control.barrier.stop && this.#isTimeOver;
      case "EndOfData":
        if (this.#state === "STOPPED") this.#machine.send({ type: "InputEnded" });
        return true;
      case "Watermark":
        this.#isTimeOver ||= control.watermark === Number.POSITIVE_INFINITY;
        return true;
      default:
        return true;
    }
  }

  /** Takes and emits what it can. */
  #advance(): void {
    this.#fill();
    this.#flush();
    if (this.#state !== "FINISHING" || !this.#buffer.isEmpty) return;
    this.#machine.send({ type: "AllEmitted" });
    this.#subscriber.complete();
  }

  #fill(): void {
    if (this.#state === "STOPPED" || this.#state === "CLOSED") return;
    this.#buffer.advance();
    const { holdsInput } = this.#buffer;
    if (this.#state === "OPEN" && holdsInput) this.#machine.send({ type: "CapacityReached" });
    else if (this.#state === "FULL" && !holdsInput) this.#machine.send({ type: "CapacityFreed" });
  }

  #controlLeaves(control: Control): void {
    if (control.type === "EndOfData") this.#acknowledge(FINAL_STATE, this.#left);
    if (control.type === "Barrier") this.#passBarrier(control);
    else this.#buffer.output.control(control);
  }

  #flush(): void {
    const chunk = this.#buffer.output.take();
    if (chunk !== undefined) this.#subscriber.next(chunk);
  }

  #discard(): void {
    this.#left = this.#buffer.inFlight();
    this.#release(new Error("the job has been stopped"));
  }

  #release(reason: unknown): void {
    this.#calls.close(reason);
    this.#buffer.clear();
  }

  #passBarrier(control: Barrier): void {
    const { checkpointId } = control.barrier;
    this.#acknowledge(checkpointId, this.#buffer.inFlight());
    this.#buffer.output.control(control);
    const stops = control.barrier.stop && !this.#isTimeOver;
    // Without credits the source could not say that it ends: nothing else will give them back.
    if (stops) this.#buffer.releaseCredits();
    this.#flush();
    if (!stops || this.#state === "CLOSED") return;
    this.#stopId = checkpointId;
    this.#machine.send({ type: "StopBarrierPassed" });
  }

  #checkpointAborted(checkpointId: number): void {
    if (this.#state !== "STOPPED" || checkpointId !== this.#stopId) return;
    this.#machine.send({ type: "StopAborted" });
    this.#advance();
  }

  #acknowledge(checkpointId: number, inFlight: readonly InFlight<A>[]): void {
    const { name } = this.#settings;
    try {
      this.#context.acknowledge(checkpointId, name, stateOf(inFlight));
    } catch (cause) {
      this.#context.decline(checkpointId, snapshotFailed(name, cause));
    }
  }
}
