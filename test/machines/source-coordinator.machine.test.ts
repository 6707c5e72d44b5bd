import { describe, expect, it } from "vitest";
import {
  type SourceCoordinatorEvent,
  type SourceCoordinatorState,
  sourceCoordinatorMachine,
} from "../../machines/source-coordinator.machine.js";
import { MachineHost } from "../../src/mailbox/index.js";

type Type = SourceCoordinatorEvent["type"];

const EFFECTS = [
  "restoreEnumerator",
  "startEnumerator",
  "resendSplits",
  "addReader",
  "addSplitsBack",
  "sendNoMoreSplits",
  "sendBacklog",
  "failJob",
  "closeEnumerator",
  "reportClosed",
  "lateEvent",
  "unexpectedEvent",
] as const;

const EVENTS: { readonly [T in Type]: SourceCoordinatorEvent & { type: T } } = {
  ResetToCheckpoint: { type: "ResetToCheckpoint", checkpointId: 7, empty: false },
  StartCoordinator: { type: "StartCoordinator" },
  AttemptReady: { type: "AttemptReady", subtask: 0, attempt: 0, address: "s0/a0" },
  AttemptFailed: { type: "AttemptFailed", subtask: 0, attempt: 0 },
  SubtaskReset: { type: "SubtaskReset", subtask: 0, checkpointId: 7 },
  ReaderRegistered: { type: "ReaderRegistered", subtask: 0, attempt: 0, location: "host" },
  NoMoreSplitsSignalled: { type: "NoMoreSplitsSignalled", subtask: 0 },
  BacklogSet: { type: "BacklogSet", isProcessingBacklog: true },
  CoordinatorFailed: { type: "CoordinatorFailed", error: { name: "Error", message: "boom" } },
  CloseCoordinator: { type: "CloseCoordinator" },
  EnumeratorClosed: { type: "EnumeratorClosed" },
};

/** Events that lead to each state. */
const WAYS = {
  created: [],
  started: ["StartCoordinator"],
  failed: ["StartCoordinator", "CoordinatorFailed"],
  "failed before the start": ["CoordinatorFailed"],
  closing: ["StartCoordinator", "CloseCoordinator"],
  closed: ["StartCoordinator", "CloseCoordinator", "EnumeratorClosed"],
} as const satisfies Record<string, readonly Type[]>;

function newMachine() {
  const effects: string[] = [];
  const provided = sourceCoordinatorMachine.provide({
    actions: {
      ...Object.fromEntries(EFFECTS.map((name) => [name, () => effects.push(name)])),
      refuse: (_, { reason }) => {
        effects.push(`refuse ${reason}`);
      },
    },
  });
  const host = new MachineHost(provided, { id: "test", input: { parallelism: 3 } });
  /** The effects of the event and the state after it. */
  const send = (event: SourceCoordinatorEvent): string => {
    effects.length = 0;
    host.send(event);
    return [...effects, `→ ${host.snapshot.value}`].join(", ");
  };
  const context = (): SourceCoordinatorState => host.snapshot.context;
  return { send, context };
}

/** The same in `started` and in both ways to `failed`. */
const SUBTASKS = {
  ResetToCheckpoint: "refuse alreadyStarted",
  StartCoordinator: "startEnumerator",
  AttemptReady: "",
  AttemptFailed: "",
  SubtaskReset: "addSplitsBack",
  ReaderRegistered: "resendSplits, addReader",
  NoMoreSplitsSignalled: "sendNoMoreSplits",
  BacklogSet: "sendBacklog",
  EnumeratorClosed: "unexpectedEvent",
} as const;

const LATE = Object.fromEntries(Object.keys(EVENTS).map((type) => [type, "lateEvent"])) as Record<
  Type,
  string
>;

/** What each event brings about in each state: its effects and, if it changes, the next state. */
const EXPECTED: Record<keyof typeof WAYS, Record<Type, string>> = {
  created: {
    ResetToCheckpoint: "restoreEnumerator",
    StartCoordinator: "startEnumerator → started",
    AttemptReady: "refuse notStarted",
    AttemptFailed: "refuse notStarted",
    SubtaskReset: "refuse notStarted",
    ReaderRegistered: "refuse notStarted",
    NoMoreSplitsSignalled: "refuse notStarted",
    BacklogSet: "sendBacklog",
    CoordinatorFailed: "failJob → failed",
    CloseCoordinator: "closeEnumerator → closing",
    EnumeratorClosed: "unexpectedEvent",
  },
  started: {
    ...SUBTASKS,
    CoordinatorFailed: "failJob → failed",
    CloseCoordinator: "closeEnumerator → closing",
  },
  failed: {
    ...SUBTASKS,
    CoordinatorFailed: "",
    CloseCoordinator: "closeEnumerator → closing",
  },
  "failed before the start": {
    ...SUBTASKS,
    CoordinatorFailed: "",
    CloseCoordinator: "closeEnumerator → closing",
  },
  closing: { ...LATE, EnumeratorClosed: "reportClosed → closed" },
  closed: LATE,
};

describe("the source coordinator machine", () => {
  const cases = (Object.keys(WAYS) as (keyof typeof WAYS)[]).flatMap((state) =>
    (Object.keys(EVENTS) as Type[]).map((type) => [state, type] as const),
  );

  it.each(cases)("in %s takes %s", (state, type) => {
    const { send } = newMachine();
    for (const step of WAYS[state]) send(EVENTS[step]);
    const stays = state === "failed before the start" ? "failed" : state;
    const [effects, next = stays] = EXPECTED[state][type].split("→").map((part) => part.trim());
    const shown = effects === "" ? [] : [effects];
    expect(send(EVENTS[type])).toBe([...shown, `→ ${next}`].join(", "));
  });

  it.each(["created", "started", "failed"] as const)("in %s reports an unknown event", (state) => {
    const { send } = newMachine();
    for (const step of WAYS[state]) send(EVENTS[step]);
    expect(send({ type: "Nonsense" } as never)).toBe(`unexpectedEvent, → ${state}`);
  });

  it("restores once, and not from nothing", () => {
    const { send, context } = newMachine();
    expect(send({ ...EVENTS.ResetToCheckpoint, empty: true })).toBe("→ created");
    expect(context().restoredCheckpointId).toBeNull();
    expect(send(EVENTS.ResetToCheckpoint)).toBe("restoreEnumerator, → created");
    expect(context().restoredCheckpointId).toBe(7);
    expect(send(EVENTS.ResetToCheckpoint)).toBe("refuse alreadyRestored, → created");
  });

  it("keeps attempts and readers apart, by subtask and attempt", () => {
    const { send, context } = newMachine();
    send(EVENTS.StartCoordinator);
    send(EVENTS.AttemptReady);
    send({ ...EVENTS.AttemptReady, attempt: 1, address: "s0/a1" });
    send({ ...EVENTS.AttemptReady, subtask: 2, address: "s2/a0" });
    expect(send(EVENTS.AttemptReady)).toBe("refuse attemptExists, → started");
    expect(context().attempts).toEqual({ 0: { 0: "s0/a0", 1: "s0/a1" }, 2: { 0: "s2/a0" } });
    expect(send(EVENTS.ReaderRegistered)).toBe("resendSplits, addReader, → started");
    expect(send({ ...EVENTS.ReaderRegistered, attempt: 1 })).toBe("resendSplits, → started");
    expect(send(EVENTS.ReaderRegistered)).toBe("refuse readerExists, → started");
    send(EVENTS.AttemptFailed);
    expect(context().attempts[0]).toEqual({ 1: "s0/a1" });
    expect(context().readers).toEqual({ 0: { 1: "host" } });
    send({ ...EVENTS.AttemptFailed, attempt: 1 });
    expect(context().attempts).toEqual({ 2: { 0: "s2/a0" } });
    expect(context().readers).toEqual({});
  });

  it("forgets all of a subtask with its reset, and nothing of the others", () => {
    const { send, context } = newMachine();
    send(EVENTS.StartCoordinator);
    for (const subtask of [0, 1]) {
      send({ ...EVENTS.AttemptReady, subtask });
      send({ ...EVENTS.ReaderRegistered, subtask });
      send({ ...EVENTS.NoMoreSplitsSignalled, subtask });
    }
    send(EVENTS.SubtaskReset);
    expect(context()).toMatchObject({
      attempts: { 1: { 0: "s0/a0" } },
      readers: { 1: { 0: "host" } },
      noMoreSplits: { 1: true },
    });
    expect(Object.keys(context().noMoreSplits)).toEqual(["1"]);
  });

  it.each([-1, 3, 1.5])("refuses subtask %d, which does not exist", (subtask) => {
    const { send, context } = newMachine();
    send(EVENTS.StartCoordinator);
    const before = context();
    for (const type of [
      "AttemptReady",
      "AttemptFailed",
      "SubtaskReset",
      "NoMoreSplitsSignalled",
    ] as const) {
      expect(send({ ...EVENTS[type], subtask })).toBe("refuse noSuchSubtask, → started");
    }
    expect(context()).toEqual(before);
  });

  it("never changes a context that it has given out", () => {
    const { send, context } = newMachine();
    send(EVENTS.StartCoordinator);
    send(EVENTS.AttemptReady);
    const before = context();
    const copy = structuredClone(before);
    for (const event of Object.values(EVENTS)) send(event);
    expect(before).toEqual(copy);
  });

  it("describes every state and says what of Flink it models", () => {
    for (const state of Object.values(sourceCoordinatorMachine.states)) {
      expect(state.description, state.key).toBeTruthy();
      expect(state.meta, state.key).toMatchObject({ flink: expect.stringMatching(/\w+\.\w+/) });
    }
  });
});
