import {
  type SourceCoordinatorEvent,
  type SourceCoordinatorState,
  sourceCoordinatorMachine,
} from "../../../../machines/index.js";
import type { AnySource } from "../../../../src/api/source.js";
import { writeEnumeratorCheckpoint } from "../../../../src/coordinator/coordinator-serde.js";
import { SourceCoordinatorActor } from "../../../../src/coordinator/index.js";
import { MetricRegistry } from "../../../../src/metrics/index.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import { lifecycleOf, wordsOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";
import { Stage } from "./stage.js";

const FAILED = "CoordinatorFailed";
/** What the enumerator, the subtasks, the job or the checkpoint coordinator see of an effect. */
const WORDS = {
  restoreEnumerator: "restore",
  startEnumerator: "start",
  addReader: "addReader",
  addSplitsBack: "addSplitsBack",
  sendNoMoreSplits: "NoMoreSplits",
  sendBacklog: "BacklogChanged",
  failJob: FAILED,
  reportClosed: "CoordinatorClosed",
};
const TOLD: ReadonlySet<string> = new Set(Object.values(WORDS));
const serializer = { version: 1, serialize: () => new Uint8Array(), deserialize: () => 0 };

/** A real source coordinator behind its mailbox; its enumerator closes by hand. */
class SourceCoordinatorSystem {
  readonly #probe = new MachineProbe();
  readonly #stage: Stage<SourceCoordinatorActor>;
  #seen: string[] = [];
  #isOpen = false;
  #closed: () => void = () => {};

  constructor(ports: LifecyclePorts) {
    const note = (word: string) => () => void this.#seen.push(word);
    const create = () => {
      this.#isOpen = true;
      return {
        start: note("start"),
        handleSplitRequest() {},
        addSplitsBack: note("addSplitsBack"),
        addReader: note("addReader"),
        snapshotState: () => 0,
        close: () => {
          this.#isOpen = false;
          const closed = new Promise<void>((resolve) => {
            this.#closed = resolve;
          });
          return ports.gate(closed);
        },
      };
    };
    const source = {
      name: "flights",
      boundedness: "BOUNDED",
      splitSerializer: serializer,
      enumeratorCheckpointSerializer: serializer,
      createReader() {},
      createEnumerator: create,
      restoreEnumerator: () => {
        this.#seen.push("restore");
        return create();
      },
    } as unknown as AnySource;
    const options = {
      pipeline: "p",
      source,
      parallelism: 1,
      jobMaster: "job",
      checkpointCoordinator: "checkpoints",
      metricGroup: new MetricRegistry().root(),
      inspect: this.#probe.inspect,
    };
    this.#stage = new Stage(
      ports,
      "coordinator",
      (context) => new SourceCoordinatorActor(context, options),
    );
  }

  async send(event: SourceCoordinatorEvent): Promise<void> {
    if (event.type === "EnumeratorClosed") await this.#stage.answer(() => this.#answer(event));
    else {
      await this.#stage.bring(this.#probe, event, () => {
        this.#bringAbout(event);
        return true;
      });
    }
  }

  state() {
    const sent = this.#stage.takeSent().map(({ event }) => event.type);
    const seen = [...this.#seen.splice(0), ...sent.filter((type) => TOLD.has(type))].sort();
    const { isStarted, isFailed, isClosed } = this.#stage.actor.coordinator;
    const { isStopped, broken } = this.#stage;
    const { state, context } = this.#probe;
    const isOpen = this.#isOpen;
    return { state, context, seen, isOpen, isStarted, isFailed, isClosed, isStopped, broken };
  }

  /**
   * What attempts send goes past the actor's fence, which lets none come twice, to its coordinator;
   * what an enumerator does, to the enumerator's context. All else comes as it does in a job.
   */
  #bringAbout(event: Exclude<SourceCoordinatorEvent, { type: "EnumeratorClosed" }>): void {
    const { actor } = this.#stage;
    const { coordinator } = actor;
    switch (event.type) {
      case "ResetToCheckpoint": {
        const state = writeEnumeratorCheckpoint({ version: 1, bytes: new Uint8Array() });
        coordinator.resetToCheckpoint(event.checkpointId, event.empty ? undefined : state);
        break;
      }
      case "AttemptReady":
        coordinator.executionAttemptReady(event.subtask, event.attempt, event.address);
        break;
      case "ReaderRegistered": {
        const { subtask, attempt, location } = event;
        const splits = { version: 1, splits: [] };
        coordinator.handleEventFromOperator(subtask, attempt, {
          type: "ReaderRegistration",
          subtaskId: subtask,
          location,
          splits,
        });
        break;
      }
      case "NoMoreSplitsSignalled":
        coordinator.context.signalNoMoreSplits(event.subtask);
        break;
      case "BacklogSet":
        coordinator.context.setIsProcessingBacklog(event.isProcessingBacklog);
        break;
      case "CoordinatorFailed":
        actor.onError(new Error("test"));
        break;
      default:
        this.#stage.receive(event);
    }
  }

  async #answer(event: SourceCoordinatorEvent): Promise<void> {
    if (this.#probe.state === "closing") {
      this.#closed();
      if (await this.#stage.letThrough("RunInCoordinatorLoop")) return;
    }
    await this.#stage.bring(this.#probe, event, () => false);
  }
}

const error = { name: "Error", message: "test" };
const ofAttempt = (subtask: number, attempt: number) => [
  { type: "AttemptReady" as const, subtask, attempt, address: `attempt-${attempt}` },
  { type: "AttemptFailed" as const, subtask, attempt },
];

/** Whether a reader of the subtask is missing, or cannot be reached. */
function cannotBeTold({ readers, attempts }: SourceCoordinatorState, subtask: number): boolean {
  const registered = Object.keys(readers[subtask] ?? {});
  return (
    registered.length === 0 ||
    registered.some((attempt) => attempts[subtask]?.[Number(attempt)] === undefined)
  );
}

export const sourceCoordinator = lifecycleOf(
  sourceCoordinatorMachine,
  { create: (ports) => new SourceCoordinatorSystem(ports) },
  {
    input: { parallelism: 1 },
    events: [
      { type: "ResetToCheckpoint", checkpointId: 1, empty: false },
      { type: "ResetToCheckpoint", checkpointId: 2, empty: true },
      { type: "StartCoordinator" },
      // Subtask 1 does not exist.
      ...[0, 1].flatMap((subtask) => [
        ...ofAttempt(subtask, 0),
        { type: "SubtaskReset" as const, subtask, checkpointId: 1 },
        { type: "NoMoreSplitsSignalled" as const, subtask },
      ]),
      ...[0, 1].map((attempt) => ({
        type: "ReaderRegistered" as const,
        subtask: 0,
        attempt,
        location: "host",
      })),
      { type: "BacklogSet", isProcessingBacklog: true },
      { type: "CoordinatorFailed", error },
      { type: "CloseCoordinator" },
      { type: "EnumeratorClosed" },
    ],
    // What is refused is a failure of whoever asked, and the job fails over.
    endsAfter: ["refuse", "unexpectedEvent"],
    exclude: [
      {
        event: "NoMoreSplitsSignalled",
        when: (event, { value, context }) =>
          (value === "started" || value === "failed") &&
          event.type === "NoMoreSplitsSignalled" &&
          event.subtask === 0 &&
          cannotBeTold(context, event.subtask),
        reason: "the enumerator gets an error then, and a failure is an event of its own",
      },
      {
        state: "created",
        event: "CoordinatorFailed",
        when: (_, { context }) => context.restoredCheckpointId === null,
        reason: "without an enumerator the class lets nothing more through to its machine",
      },
    ],
    // Which states those are does not hang on them.
    serializeState: ({ value, context }) => {
      const { isProcessingBacklog, restoredCheckpointId, ...rest } = context;
      const isCreated = value === "created";
      const before = isCreated ? [isProcessingBacklog, restoredCheckpointId] : [];
      const isOver = value === "closing" || value === "closed";
      return JSON.stringify([value, isOver ? {} : rest, before]);
    },
    expected: ({ state, context, effects }) => {
      const isRefused = effects.includes("refuse");
      const now = isRefused ? "failed" : state;
      const told = isRefused && state !== "failed" ? [FAILED] : [];
      return {
        state: now,
        context,
        seen: [...wordsOf(effects, WORDS), ...told].sort(),
        isOpen:
          state === "started" ||
          state === "failed" ||
          (state === "created" && context.restoredCheckpointId !== null),
        isStarted: now !== "created",
        isFailed: now === "failed",
        isClosed: now === "closing" || now === "closed",
        isStopped: now === "closed",
        broken: undefined,
      };
    },
    interleavings: { dropIllegal: true },
  },
);
