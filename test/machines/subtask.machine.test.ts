import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import { type SubtaskMachineEvent, subtaskMachine } from "../../machines/subtask.machine.js";

type State =
  | "INITIALIZING"
  | "RUNNING"
  | "WAITING_FOR_SAVEPOINT"
  | "FINISHING"
  | "COMMITTING"
  | "CLOSING"
  | "CLOSED";
type Event = SubtaskMachineEvent["type"];

const EVENTS: readonly Event[] = [
  "WriterOpened",
  "StopBarrierEmitted",
  "SavepointCompleted",
  "SavepointAborted",
  "InputEnded",
  "SinkFinished",
  "SinkPrepared",
  "Committed",
  "Failed",
  "CancelRequested",
  "Released",
];

const PATHS: Readonly<Record<State, readonly Event[]>> = {
  INITIALIZING: [],
  RUNNING: ["WriterOpened"],
  WAITING_FOR_SAVEPOINT: ["WriterOpened", "StopBarrierEmitted"],
  FINISHING: ["WriterOpened", "InputEnded"],
  COMMITTING: ["WriterOpened", "InputEnded", "SinkPrepared"],
  CLOSING: ["WriterOpened", "InputEnded", "SinkFinished"],
  CLOSED: ["WriterOpened", "InputEnded", "SinkFinished", "Released"],
};

const ENDS = { Failed: "CLOSING", CancelRequested: "CLOSING" } as const;
const TOO_LATE = Object.fromEntries(EVENTS.map((event) => [event, "CLOSING" as const]));
/** Where each event leads; what is not named here is unexpected. */
const TARGETS: Readonly<Record<State, Partial<Record<Event, State>>>> = {
  INITIALIZING: { WriterOpened: "RUNNING", ...ENDS },
  RUNNING: { StopBarrierEmitted: "WAITING_FOR_SAVEPOINT", InputEnded: "FINISHING", ...ENDS },
  WAITING_FOR_SAVEPOINT: { SavepointCompleted: "RUNNING", SavepointAborted: "RUNNING", ...ENDS },
  FINISHING: { SinkFinished: "CLOSING", SinkPrepared: "COMMITTING", ...ENDS },
  COMMITTING: { Committed: "CLOSING", ...ENDS },
  CLOSING: { ...TOO_LATE, Released: "CLOSED" },
  CLOSED: {},
};

function run(path: readonly Event[]) {
  const effects: string[] = [];
  const note = (name: string) => () => void effects.push(name);
  const machine = subtaskMachine.provide({
    actions: {
      openWriter: note("openWriter"),
      awaitCommit: note("awaitCommit"),
      openOperator: note("openOperator"),
      stopOperator: note("stopOperator"),
      resumeReading: note("resumeReading"),
      reportFailure: note("reportFailure"),
      release: note("release"),
      reportClosed: note("reportClosed"),
      unexpectedEvent: note("unexpectedEvent"),
    },
  });
  const actor = createActor(machine).start();
  for (const type of path) actor.send({ type });
  return { actor, effects };
}

const cases = (Object.keys(PATHS) as State[]).flatMap((state) =>
  EVENTS.map((event) => ({ state, event, target: TARGETS[state][event] })),
);

describe("the subtask machine", () => {
  it.each(cases)("takes $event in $state", ({ state, event, target }) => {
    const { actor, effects } = run(PATHS[state]);
    expect(actor.getSnapshot().value).toBe(state);
    effects.length = 0;
    if (state === "CLOSED") {
      expect(actor.getSnapshot().status).toBe("done");
      return;
    }
    actor.send({ type: event });
    expect(actor.getSnapshot().value).toBe(target ?? state);
    expect(effects.includes("unexpectedEvent")).toBe(target === undefined);
  });

  it("knows every state and event that is tested", () => {
    expect(Object.keys(PATHS).sort()).toEqual(Object.keys(subtaskMachine.states).sort());
    const known = new Set(Object.values(subtaskMachine.states).flatMap((state) => state.ownEvents));
    expect([...known].filter((event) => event !== "*").sort()).toEqual([...EVENTS].sort());
  });

  it("opens the writer first, then the operator, and releases both once", () => {
    const { actor, effects } = run(PATHS.CLOSED);
    expect(effects).toEqual(["openWriter", "openOperator", "release", "reportClosed"]);
    expect(actor.getSnapshot().context.outcome).toBe("FINISHED");
  });

  it.each(["INITIALIZING", "RUNNING", "WAITING_FOR_SAVEPOINT", "FINISHING", "COMMITTING"] as const)(
    "reports a failure in %s before it releases, and the first outcome stays",
    (state) => {
      const { actor, effects } = run([...PATHS[state], "Failed", "CancelRequested", "Failed"]);
      expect(effects.slice(-2)).toEqual(["reportFailure", "release"]);
      expect(actor.getSnapshot().context.outcome).toBe("FAILED");
    },
  );

  it("has finished when everything is committed", () => {
    const { actor, effects } = run([...PATHS.COMMITTING, "Committed", "Released"]);
    expect(effects).toEqual([
      "openWriter",
      "openOperator",
      "awaitCommit",
      "release",
      "reportClosed",
    ]);
    expect(actor.getSnapshot().context.outcome).toBe("FINISHED");
  });

  it("stops the operator only behind a durable savepoint", () => {
    expect(run([...PATHS.WAITING_FOR_SAVEPOINT, "SavepointAborted"]).effects.slice(2)).toEqual([
      "resumeReading",
    ]);
    expect(run([...PATHS.WAITING_FOR_SAVEPOINT, "SavepointCompleted"]).effects.slice(2)).toEqual([
      "stopOperator",
      "resumeReading",
    ]);
  });
});
