import { type SubtaskMachineEvent, subtaskMachine } from "../../../../machines/index.js";
import type { InputStatus } from "../../../../src/api/boundedness.js";
import type { Sink } from "../../../../src/api/sink.js";
import { noWatermarks } from "../../../../src/eventtime/index.js";
import { AvailabilityFuture } from "../../../../src/mailbox/index.js";
import { MetricRegistry } from "../../../../src/metrics/index.js";
import { badRecordRules } from "../../../../src/runtime/bad-record-policy.js";
import { Subtask } from "../../../../src/runtime/subtask.js";
import type { SubtaskEvent } from "../../../../src/runtime/subtask-event.js";
import type { SubtaskOptions } from "../../../../src/runtime/subtask-options.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import { lifecycleOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";
import { Stage } from "./stage.js";

const serializer = { version: 1, serialize: () => new Uint8Array(), deserialize: () => 0 };
const TOLD: ReadonlySet<string> = new Set([
  "SubtaskStarted",
  "SubtaskFailed",
  "SubtaskEnded",
  "SubtaskClosed",
]);

/** A promise that is settled by hand. */
class Gate {
  readonly #ports: LifecyclePorts;
  #open: (() => void) | undefined;

  constructor(ports: LifecyclePorts) {
    this.#ports = ports;
  }

  pass(): Promise<void> {
    const passed = new Promise<void>((resolve) => {
      this.#open = resolve;
    });
    return this.#ports.gate(passed);
  }

  open(): boolean {
    const open = this.#open;
    this.#open = undefined;
    open?.();
    return open !== undefined;
  }
}

/** A real attempt whose reader and sink go by hand. */
class SubtaskSystem {
  readonly #probe = new MachineProbe("subtask");
  readonly #stage: Stage<Subtask>;
  readonly #opening: Gate;
  readonly #flushing: Gate;
  readonly #committing: Gate;
  readonly #closing: Gate;
  readonly #availability = new AvailabilityFuture();
  #status: InputStatus = "NOTHING_AVAILABLE";
  #prepares = false;
  #checkpointId = 0;

  constructor(ports: LifecyclePorts) {
    this.#opening = new Gate(ports);
    this.#flushing = new Gate(ports);
    this.#committing = new Gate(ports);
    this.#closing = new Gate(ports);
    const sink: Sink<never, unknown, number> = {
      name: "sink",
      createWriter: async () => {
        await this.#opening.pass();
        return {
          write() {},
          flush: (endOfInput) => (endOfInput ? this.#flushing.pass() : undefined),
          prepareCommit: () => (this.#prepares ? [1] : []),
          close: () => this.#closing.pass(),
        };
      },
      committer: { serializer, create: () => ({ commit: () => this.#committing.pass() }) },
    };
    const reader = {
      start() {},
      pollNext: () => this.#status,
      snapshotState: () => [],
      isAvailable: () => this.#availability,
      addSplits() {},
      notifyNoMoreSplits() {},
      close() {},
    };
    const source = {
      name: "source",
      boundedness: "BOUNDED",
      splitSerializer: serializer,
      enumeratorCheckpointSerializer: serializer,
      createReader: () => reader,
    };
    const options = {
      jobName: "job",
      pipeline: {
        id: "p",
        source,
        sink,
        operators: [],
        watermarkStrategy: noWatermarks(),
        parallelism: 1,
        badRecords: badRecordRules(undefined),
      },
      subtask: 0,
      attempt: 0,
      parallelism: 1,
      hostName: "localhost",
      coordinator: "coordinator",
      checkpointCoordinator: "checkpoints",
      jobMaster: "job",
      metricGroup: new MetricRegistry().root(),
      autoWatermarkInterval: 0,
      allowUnalignedSourceSplits: false,
      hasPeriodicCheckpoints: false,
      pausesUntilCheckpoint: false,
      restoredCheckpointId: undefined,
      restored: undefined,
      inspect: this.#probe.inspect,
      spawn: () => "below",
      stopActor: () => {},
    } as unknown as SubtaskOptions;
    this.#stage = new Stage(ports, "subtask", (context) => new Subtask(context, options));
  }

  async send(event: SubtaskMachineEvent): Promise<void> {
    if (ANSWERS.has(event.type)) await this.#stage.answer(() => this.#answer(event));
    else await this.#stage.bring(this.#probe, event, () => this.#bringAbout(event));
  }

  state() {
    const { state, context, hasFailed } = this.#probe;
    const sent = this.#stage.takeSent().map(({ event }) => event.type);
    const { isStopped, broken } = this.#stage;
    const told = sent.filter((type) => TOLD.has(type));
    return { state, outcome: context.outcome, hasFailed, sent: told, isStopped, broken };
  }

  /** False: nothing that the subtask hears brings it about in this state. */
  #bringAbout({ type }: SubtaskMachineEvent): boolean {
    const { state } = this.#probe;
    const checkpointId = this.#checkpointId;
    switch (type) {
      case "StopBarrierEmitted":
        if (state !== "RUNNING") return false;
        this.#checkpointId++;
        return this.#receive({
          type: "TriggerCheckpoint",
          checkpointId: checkpointId + 1,
          stop: true,
          drain: false,
        });
      case "SavepointCompleted":
        if (state !== "WAITING_FOR_SAVEPOINT") return false;
        return this.#receive({ type: "CheckpointCompleted", checkpointId });
      case "SavepointAborted":
        if (state !== "WAITING_FOR_SAVEPOINT") return false;
        return this.#receive({ type: "CheckpointAborted", checkpointId });
      case "Failed":
        // Nothing runs any more that could fail.
        if (state !== "CLOSED") this.#stage.actor.onError(new Error("test"));
        return true;
      case "CancelRequested":
        return state !== "CLOSED" && this.#receive({ type: "CancelSubtask" });
      default:
        return false;
    }
  }

  /** What the reader or the sink has to say. */
  async #answer(event: SubtaskMachineEvent): Promise<void> {
    const { state } = this.#probe;
    if (state !== ANSWERS.get(event.type)) {
      return this.#stage.bring(this.#probe, event, () => false);
    }
    switch (event.type) {
      case "WriterOpened":
        this.#opening.open();
        await this.#stage.letThrough("WriterOpened");
        break;
      case "InputEnded":
        this.#status = "END_OF_INPUT";
        this.#availability.complete();
        for (let i = 0; i < 10 && this.#probe.state === state; i++) {
          await this.#stage.turn(() => this.#stage.actor.runDefaultAction());
        }
        break;
      case "SinkFinished":
      case "SinkPrepared":
        this.#prepares = event.type === "SinkPrepared";
        for (let i = 0; i < 3 && this.#probe.state === state; i++) {
          this.#flushing.open();
          await this.#stage.letThrough("SinkProgressed");
        }
        break;
      case "Committed":
        await this.#stage.letThrough("RunInLoop");
        this.#committing.open();
        await this.#stage.letThrough("RunInLoop");
        break;
      default:
        // The writer may still be on its way; what is closed then is that.
        this.#opening.open();
        this.#closing.open();
        await this.#stage.patience(() => this.#closing.open());
        await this.#stage.letThrough("Released");
    }
  }

  #receive(event: SubtaskEvent): true {
    this.#stage.receive(event);
    return true;
  }
}

/** What is an answer of the outside world, by the state that waits for it. */
const ANSWERS: ReadonlyMap<string, string> = new Map<SubtaskMachineEvent["type"], string>([
  ["WriterOpened", "INITIALIZING"],
  ["InputEnded", "RUNNING"],
  ["SinkFinished", "FINISHING"],
  ["SinkPrepared", "FINISHING"],
  ["Committed", "COMMITTING"],
  ["Released", "CLOSING"],
]);

export const subtask = lifecycleOf(
  subtaskMachine,
  { create: (ports) => new SubtaskSystem(ports) },
  {
    endsAfter: ["unexpectedEvent"],
    expected: ({ state, context, effects }) => ({
      state,
      outcome: context.outcome,
      hasFailed: effects.includes("unexpectedEvent"),
      sent: effects.flatMap((effect) => {
        if (effect === "openOperator") return ["SubtaskStarted"];
        if (effect === "reportFailure") return ["SubtaskFailed"];
        if (effect !== "reportClosed") return [];
        return context.outcome === "FINISHED"
          ? ["SubtaskEnded", "SubtaskClosed"]
          : ["SubtaskClosed"];
      }),
      isStopped: state === "CLOSED",
      broken: undefined,
    }),
    interleavings: { dropIllegal: true },
  },
);
