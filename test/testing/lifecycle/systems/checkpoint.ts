import {
  type CheckpointContext,
  type CheckpointEvent,
  checkpointMachine,
} from "../../../../machines/index.js";
import {
  CheckpointCoordinator,
  type CheckpointCoordinatorEvent,
  type CheckpointStorage,
  type CompletedCheckpoint,
} from "../../../../src/checkpoint/index.js";
import type { ActorContext, ActorEvent } from "../../../../src/mailbox/index.js";
import { MetricRegistry } from "../../../../src/metrics/index.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import { lifecycleOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";
import { Stage } from "./stage.js";

const PIPELINE = "a";
const error = { name: "Error", message: "test" };
const state = { finished: false, splits: { version: 1, splits: [] }, operators: {} };
/** What the coordinator posts, by the effect that makes it. */
const SENT: Readonly<Record<string, string>> = {
  triggerCheckpoint: "TriggerCheckpoint",
  completeCheckpoint: "CheckpointStored",
  failJob: "CheckpointFailuresExceeded",
  confirmSuspended: "CheckpointsSuspended",
  closeCoordinator: "CheckpointCoordinatorClosed",
  abortCheckpoint: "CheckpointAborted",
};
const TOLD = new Set(Object.values(SENT));

interface OfCheckpoint extends ActorEvent {
  readonly checkpointId?: number;
}

interface Writing {
  readonly checkpointId: number;
  resolve(checkpoint: CompletedCheckpoint): void;
  reject(error: unknown): void;
}

/** A real checkpoint coordinator whose storage answers by hand. */
class CheckpointSystem {
  readonly #probe = new MachineProbe();
  readonly #ports: LifecyclePorts;
  readonly #stage: Stage<CheckpointCoordinator>;
  readonly #writing: Writing[] = [];
  #requests = 0;

  constructor(ports: LifecyclePorts) {
    this.#ports = ports;
    const storage = {
      store: ({ checkpointId }: { readonly checkpointId: number }) => this.#write(checkpointId),
      storeSavepoint: ({ checkpointId }: { readonly checkpointId: number }) =>
        this.#write(checkpointId),
      discard: () => {},
    } as unknown as CheckpointStorage;
    const options = {
      jobName: "job",
      storage,
      jobMaster: "job",
      metricGroup: new MetricRegistry().root(),
      tolerableFailures: INPUT.tolerableFailures,
      firstCheckpointId: INPUT.firstCheckpointId,
      pipelines: [{ id: PIPELINE, sourceName: "s", parallelism: 1, coordinator: "source" }],
      inspect: this.#probe.inspect,
    };
    const create = (context: ActorContext) => new CheckpointCoordinator(context, options);
    this.#stage = new Stage(ports, "checkpoints", create, ["DiscardSettled"]);
  }

  async send(event: CheckpointEvent): Promise<void> {
    const isAnswer = event.type === "Stored" || event.type === "StoreFailed";
    if (isAnswer) await this.#stage.answer(() => this.#settle(event, event.checkpointId));
    else await this.#stage.bring(this.#probe, event, () => this.#bringAbout(event));
    // A write that nobody waits for any more ends by itself.
    if (/storing|suspending|closing/.test(this.#probe.state)) return;
    for (const { checkpointId, reject } of this.#writing.splice(0)) {
      reject(new Error("too late"));
      await this.#settled(checkpointId);
    }
  }

  state() {
    const types = this.#stage.takeSent().map(({ event }) => event.type);
    const { state: at, context } = this.#probe;
    const { isStopped, timers, broken } = this.#stage;
    const hasTimeout = [...timers].some(({ type }) => type === "CheckpointTimedOut");
    const sent = new Set(types.filter((type) => TOLD.has(type)));
    return { state: at, context, sent, isStopped, hasTimeout, broken };
  }

  /** False: nothing that the coordinator hears brings it about in this state. */
  #bringAbout(event: Exclude<CheckpointEvent, { type: "Stored" | "StoreFailed" }>): boolean {
    switch (event.type) {
      case "TriggerRequested": {
        if (this.#probe.state !== "running.idle") return false;
        const { kind, stop } = event;
        const requestId = `r${this.#requests++}`;
        const target = kind === "SAVEPOINT" ? { target: "s" } : {};
        const rest = { requestId, kind, stop, drain: false, replyTo: "client", ...target };
        return this.#receive({ type: "RequestCheckpoint", ...rest });
      }
      case "CoordinatorAcknowledged":
        return this.#receive({ ...event, state: new Uint8Array() });
      case "CoordinatorDeclined":
        return this.#receive({ ...event, error });
      case "SubtaskAcknowledged":
        return this.#receive({ ...event, type: "CheckpointAcknowledged", state });
      case "SubtaskDeclined":
        return this.#receive({ ...event, type: "CheckpointDeclined", error });
      case "SubtaskRunning":
        return this.#receive({ ...event, address: "subtask" });
      case "SubtaskFinished":
        return this.#receive({ ...event, state });
      case "SubtaskGone":
        return this.#receive(event);
      case "CoordinatorReplaced":
        return this.#receive({ ...event, address: "source" });
      case "TimedOut":
        return this.#receive({ type: "CheckpointTimedOut", checkpointId: event.checkpointId });
      case "Suspend":
        return this.#receive({ type: "Suspend", replyTo: "job" });
      case "Resume":
      case "CloseTimedOut":
        return this.#receive({ type: event.type });
      case "Close":
        return this.#receive({ type: "CloseCheckpointCoordinator", replyTo: "client" });
    }
  }

  async #settle(event: CheckpointEvent, checkpointId: number): Promise<void> {
    let isWriting = false;
    await this.#stage.turn(() => {
      const index = this.#writing.findIndex((one) => one.checkpointId === checkpointId);
      const [writing] = index < 0 ? [] : this.#writing.splice(index, 1);
      isWriting = writing !== undefined;
      if (event.type !== "Stored") writing?.reject(new Error("disk full"));
      else {
        const location = `chk-${checkpointId}`;
        const facts = { checkpointId, kind: "CHECKPOINT", location, sizeInBytes: 1, timestamp: 0 };
        writing?.resolve(facts as never);
      }
    });
    if (isWriting && (await this.#settled(checkpointId))) return;
    await this.#stage.bring(this.#probe, event, () => false);
  }

  #settled(checkpointId: number): Promise<boolean> {
    const isIt = (one: ActorEvent) => (one as OfCheckpoint).checkpointId === checkpointId;
    return this.#stage.letThrough("StoreSettled", isIt);
  }

  #receive(event: CheckpointCoordinatorEvent): true {
    this.#stage.receive(event);
    return true;
  }

  #write(checkpointId: number): Promise<CompletedCheckpoint> {
    const written = new Promise<CompletedCheckpoint>((resolve, reject) => {
      this.#writing.push({ checkpointId, resolve, reject });
    });
    return this.#ports.gate(written);
  }
}

const INPUT = {
  firstCheckpointId: 5,
  tolerableFailures: 1,
  pipelines: [{ id: PIPELINE, parallelism: 1 }],
};

/** About the pending checkpoint and the one before it, by the present attempt, the one before and the next. */
function alphabet({ pending, nextCheckpointId, pipelines }: CheckpointContext): CheckpointEvent[] {
  const current = pending?.checkpointId ?? nextCheckpointId - 1;
  const attempt = pipelines[0]?.subtasks[0]?.attempt ?? -1;
  const events: CheckpointEvent[] = [
    { type: "TriggerRequested", kind: "CHECKPOINT", stop: false },
    { type: "TriggerRequested", kind: "SAVEPOINT", stop: true },
    { type: "Suspend" },
    { type: "Resume" },
    { type: "Close" },
    { type: "CloseTimedOut" },
    { type: "CoordinatorReplaced", pipeline: PIPELINE, attempts: [Math.min(attempt + 1, 2)] },
  ];
  for (const checkpointId of [current, current - 1]) {
    events.push(
      { type: "CoordinatorAcknowledged", pipeline: PIPELINE, checkpointId },
      { type: "CoordinatorDeclined", pipeline: PIPELINE, checkpointId },
      { type: "TimedOut", checkpointId },
      { type: "Stored", checkpointId },
      { type: "StoreFailed", checkpointId },
    );
  }
  // Attempts beyond the second show nothing new.
  for (const of of [attempt, attempt - 1, attempt + 1].filter((one) => one >= 0 && one < 3)) {
    const subtask = { pipeline: PIPELINE, subtask: 0, attempt: of };
    events.push(
      { type: "SubtaskRunning", ...subtask },
      { type: "SubtaskFinished", ...subtask },
      { type: "SubtaskGone", ...subtask },
      { type: "SubtaskAcknowledged", ...subtask, checkpointId: current },
      { type: "SubtaskDeclined", ...subtask, checkpointId: current },
    );
  }
  return events;
}

/** Nobody has asked for the suspension that a stop brings. */
function told(effects: readonly string[]): readonly string[] {
  const stops = effects.includes("completeCheckpoint") && effects.includes("stopScheduler");
  return effects.filter((effect) => !stops || effect !== "confirmSuspended");
}

export const checkpoint = lifecycleOf(
  checkpointMachine,
  { create: (ports) => new CheckpointSystem(ports) },
  {
    input: INPUT,
    events: ({ context }) => alphabet(context),
    endsAfter: ["unexpectedEvent"],
    exclude: ["running.snapshottingCoordinators", "running.snapshottingSubtasks"].map((at) => ({
      state: at,
      event: "SubtaskDeclined",
      branch: 2,
      reason: "what a subtask declines always counts",
    })),
    // Ids grow without end.
    serializeState: ({ value, context }) => {
      const { nextCheckpointId: _next, pending, ...rest } = context;
      return JSON.stringify([value, rest, { ...pending, checkpointId: 0 }]);
    },
    expected: ({ state: at, context, steps }) => ({
      state: at,
      context,
      sent: new Set(steps.flatMap(told).flatMap((effect) => SENT[effect] ?? [])),
      isStopped: at === "stopped",
      hasTimeout: context.pending !== undefined,
      broken: undefined,
    }),
    interleavings: { dropIllegal: true },
  },
);
