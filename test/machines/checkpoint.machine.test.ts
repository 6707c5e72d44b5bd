import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import { getAdjacencyMap } from "xstate/graph";
import { type CheckpointEvent, checkpointMachine } from "../../machines/checkpoint.machine.js";
import type { CheckpointContext } from "../../machines/checkpoint-facts.js";
import { EXPECTED } from "./checkpoint-transitions.js";

const EFFECTS = [
  "triggerCheckpoint",
  "keepState",
  "keepFinalState",
  "rememberSubtask",
  "forgetSubtask",
  "replaceCoordinator",
  "storeCheckpoint",
  "completeCheckpoint",
  "abortCheckpoint",
  "failJob",
  "discardLateCheckpoint",
  "startScheduler",
  "stopScheduler",
  "confirmSuspended",
  "startCloseTimeout",
  "closeCoordinator",
  "unexpectedEvent",
] as const;

const INPUT = {
  firstCheckpointId: 5,
  tolerableFailures: 1,
  pipelines: [{ id: "a", parallelism: 2 }],
};

function ofSubtask<T extends string>(type: T, subtask: number, attempt: number) {
  return { type, pipeline: "a", subtask, attempt } as const;
}

function answer<T extends string>(type: T, subtask: number, checkpointId = 5) {
  return { ...ofSubtask(type, subtask, 1), checkpointId } as const;
}

const RUN_0 = ofSubtask("SubtaskRunning", 0, 1);
const RUN_1 = ofSubtask("SubtaskRunning", 1, 1);
const TRIGGER = { type: "TriggerRequested", kind: "CHECKPOINT", stop: false } as const;
const COORDINATOR = { type: "CoordinatorAcknowledged", pipeline: "a", checkpointId: 5 } as const;
const RUNNING = [RUN_0, RUN_1];
const COLLECTED = [
  ...RUNNING,
  TRIGGER,
  COORDINATOR,
  answer("SubtaskAcknowledged", 0),
  answer("SubtaskAcknowledged", 1),
];

/** How to get into every state there is. */
const PATHS: Readonly<Record<string, readonly CheckpointEvent[]>> = {
  waitingForTasks: [RUN_0],
  idle: RUNNING,
  snapshottingCoordinators: [...RUNNING, TRIGGER],
  snapshottingSubtasks: [...RUNNING, TRIGGER, COORDINATOR],
  storing: COLLECTED,
  suspending: [...COLLECTED, { type: "Suspend" }],
  suspended: [...RUNNING, { type: "Suspend" }],
  closing: [...COLLECTED, { type: "Close" }],
  stopped: [...RUNNING, { type: "Close" }],
};

/** Every event, as one that concerns the state and as one that is of the past. */
const EVENTS: Readonly<Record<string, CheckpointEvent>> = {
  TriggerRequested: TRIGGER,
  "TriggerRequested to stop": { type: "TriggerRequested", kind: "SAVEPOINT", stop: true },
  CoordinatorAcknowledged: COORDINATOR,
  "CoordinatorAcknowledged late": { ...COORDINATOR, checkpointId: 4 },
  CoordinatorDeclined: { type: "CoordinatorDeclined", pipeline: "a", checkpointId: 5 },
  "CoordinatorDeclined late": { type: "CoordinatorDeclined", pipeline: "a", checkpointId: 4 },
  SubtaskAcknowledged: answer("SubtaskAcknowledged", 0),
  "SubtaskAcknowledged late": answer("SubtaskAcknowledged", 0, 4),
  "SubtaskAcknowledged old attempt": { ...answer("SubtaskAcknowledged", 0), attempt: 0 },
  SubtaskDeclined: answer("SubtaskDeclined", 0),
  "SubtaskDeclined late": answer("SubtaskDeclined", 0, 4),
  "SubtaskDeclined old attempt": { ...answer("SubtaskDeclined", 0), attempt: 0 },
  "SubtaskRunning known": RUN_0,
  "SubtaskRunning missing": RUN_1,
  "SubtaskRunning new attempt": ofSubtask("SubtaskRunning", 0, 2),
  "SubtaskRunning unknown": ofSubtask("SubtaskRunning", 9, 1),
  SubtaskFinished: ofSubtask("SubtaskFinished", 0, 1),
  "SubtaskFinished new attempt": ofSubtask("SubtaskFinished", 0, 2),
  "SubtaskFinished old attempt": ofSubtask("SubtaskFinished", 0, 0),
  SubtaskGone: ofSubtask("SubtaskGone", 0, 1),
  "SubtaskGone old attempt": ofSubtask("SubtaskGone", 0, 0),
  CoordinatorReplaced: { type: "CoordinatorReplaced", pipeline: "a", attempts: [2, 2] },
  TimedOut: { type: "TimedOut", checkpointId: 5 },
  "TimedOut late": { type: "TimedOut", checkpointId: 4 },
  Stored: { type: "Stored", checkpointId: 5 },
  "Stored late": { type: "Stored", checkpointId: 4 },
  StoreFailed: { type: "StoreFailed", checkpointId: 5 },
  "StoreFailed late": { type: "StoreFailed", checkpointId: 4 },
  Suspend: { type: "Suspend" },
  Resume: { type: "Resume" },
  Close: { type: "Close" },
  CloseTimedOut: { type: "CloseTimedOut" },
};

function start() {
  const effects: string[] = [];
  const machine = checkpointMachine.provide({
    actions: Object.fromEntries(EFFECTS.map((name) => [name, () => effects.push(name)])),
  });
  const actor = createActor(machine, { input: INPUT });
  actor.start();
  return { actor, effects };
}

function stateName(value: unknown): string {
  return typeof value === "object" && value !== null ? String(Object.values(value)[0]) : `${value}`;
}

/** Where an event leads from a state, and what it brings about. */
function outcome(state: string, event: CheckpointEvent): string {
  const { actor, effects } = start();
  for (const step of PATHS[state] ?? []) actor.send(step);
  expect(stateName(actor.getSnapshot().value)).toBe(state);
  effects.length = 0;
  actor.send(event);
  const next = stateName(actor.getSnapshot().value);
  return [next === state ? "-" : next, ...effects].join(" ");
}

describe("the checkpoint machine", () => {
  for (const state of Object.keys(PATHS)) {
    describe(`in ${state}`, () => {
      it.each(Object.entries(EVENTS))("handles %s", (name, event) => {
        expect(outcome(state, event)).toBe(EXPECTED[state]?.[name] ?? "-");
      });
    });
  }

  it("expects nothing of states or events that do not exist", () => {
    for (const [state, events] of Object.entries(EXPECTED)) {
      expect(PATHS).toHaveProperty(state);
      for (const name of Object.keys(events)) expect(Object.keys(EVENTS)).toContain(name);
    }
  });

  it("takes an event that nobody knows for unexpected in every state but stopped", () => {
    for (const state of Object.keys(PATHS)) {
      const expected = state === "stopped" ? "-" : "- unexpectedEvent";
      expect(outcome(state, { type: "Nonsense" } as never)).toBe(expected);
    }
  });

  it("suspends after a savepoint that stops the job, and fails the job when a subtask declines it", () => {
    const stop = EVENTS["TriggerRequested to stop"] as CheckpointEvent;
    const { actor, effects } = start();
    for (const event of [...RUNNING, stop, ...COLLECTED.slice(3)]) actor.send(event);
    actor.send({ type: "Stored", checkpointId: 5 });
    expect(stateName(actor.getSnapshot().value)).toBe("suspended");
    expect(effects).toContain("completeCheckpoint");

    const declined = start();
    for (const event of [...RUNNING, stop]) declined.actor.send(event);
    declined.actor.send(answer("SubtaskDeclined", 1));
    expect(declined.effects).toContain("failJob");
  });

  it("fails the job at one failure more than may be, and counts anew after a success", () => {
    const { actor, effects } = start();
    for (const event of RUNNING) actor.send(event);
    const take = (checkpointId: number, end: "TimedOut" | "Stored") => {
      actor.send(TRIGGER);
      if (end === "Stored") {
        actor.send({ ...COORDINATOR, checkpointId });
        for (const n of [0, 1]) actor.send(answer("SubtaskAcknowledged", n, checkpointId));
      }
      actor.send({ type: end, checkpointId });
    };
    take(5, "TimedOut");
    take(6, "Stored");
    take(7, "TimedOut");
    expect(effects).not.toContain("failJob");
    take(8, "TimedOut");
    expect(effects.filter((effect) => effect === "failJob")).toHaveLength(1);
    take(9, "TimedOut");
    expect(effects.filter((effect) => effect === "failJob")).toHaveLength(1);
  });

  it("describes every state and names the Flink class behind it", () => {
    const nodes = Object.values(checkpointMachine.states).flatMap((node) => [
      node,
      ...Object.values(node.states),
    ]);
    for (const node of nodes) {
      expect(node.description, node.key).toMatch(/\w/);
      expect(node.meta?.flink, node.key).toMatch(/\w/);
    }
  });

  it("keeps its invariants in every state that events can lead to", () => {
    const events: CheckpointEvent[] = [
      TRIGGER,
      ...[1, 2].flatMap((attempt) => [
        ofSubtask("SubtaskRunning", 0, attempt),
        ofSubtask("SubtaskGone", 0, attempt),
        ofSubtask("SubtaskFinished", 0, attempt),
      ]),
      ...[5, 6].flatMap((checkpointId): CheckpointEvent[] => [
        { ...COORDINATOR, checkpointId },
        { type: "CoordinatorDeclined", pipeline: "a", checkpointId },
        answer("SubtaskAcknowledged", 0, checkpointId),
        answer("SubtaskDeclined", 0, checkpointId),
        { type: "TimedOut", checkpointId },
        { type: "Stored", checkpointId },
        { type: "StoreFailed", checkpointId },
      ]),
      { type: "CoordinatorReplaced", pipeline: "a", attempts: [2] },
      { type: "Suspend" },
      { type: "Resume" },
      { type: "Close" },
      { type: "CloseTimedOut" },
    ];
    const map = getAdjacencyMap(checkpointMachine, {
      events,
      input: { ...INPUT, pipelines: [{ id: "a", parallelism: 1 }] },
      limit: 50_000,
      serializeState: ({ value, context }) => JSON.stringify([value, context]),
      filterEvents: (state, event) =>
        event.type !== "TriggerRequested" ||
        (state.context as CheckpointContext).nextCheckpointId < 7,
    });
    const states = Object.values(map).map(({ state }) => state);
    expect(states.length).toBeGreaterThan(100);
    for (const { value, context } of states) checkInvariants(stateName(value), context);
  });
});

function checkInvariants(state: string, { pipelines, pending }: CheckpointContext): void {
  const subtasks = pipelines.flatMap((pipeline) => pipeline.subtasks);
  const allRun = subtasks.every((subtask) => subtask.status !== "MISSING");
  const taken = [
    "snapshottingCoordinators",
    "snapshottingSubtasks",
    "storing",
    "suspending",
    "closing",
  ];
  expect(pending !== undefined).toBe(taken.includes(state));
  if (state === "idle" || state.startsWith("snapshotting")) expect(allRun).toBe(true);
  if (state === "waitingForTasks") expect(allRun).toBe(false);
  if (pending === undefined) return;
  const { awaitedCoordinators, awaitedSubtasks } = pending;
  if (state === "snapshottingCoordinators") expect(awaitedCoordinators).not.toEqual([]);
  else expect(awaitedCoordinators).toEqual([]);
  if (state === "snapshottingSubtasks") expect(awaitedSubtasks).not.toEqual([]);
  if (taken.indexOf(state) >= 2) expect(awaitedSubtasks).toEqual([]);
}
