import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import { type JobMachineEvent, jobMachine } from "../../machines/job.machine.js";
import type { JobState } from "../../src/runtime/index.js";

type State = JobState;
type Event = JobMachineEvent["type"];

const EVENTS: readonly Event[] = [
  "StartRequested",
  "RestorePointLoaded",
  "RestartDecided",
  "Released",
  "BackoffOver",
  "GaveUp",
  "AllSubtasksEnded",
  "CancelRequested",
];

/** The way into each state. */
const PATHS: Readonly<Record<State, readonly Event[]>> = {
  CREATED: [],
  INITIALIZING: ["StartRequested"],
  RUNNING: ["StartRequested", "RestorePointLoaded"],
  RESTARTING: ["StartRequested", "RestorePointLoaded", "RestartDecided"],
  RESTORING: ["StartRequested", "RestorePointLoaded", "RestartDecided", "Released", "BackoffOver"],
  FINISHING: ["StartRequested", "RestorePointLoaded", "AllSubtasksEnded"],
  FAILING: ["StartRequested", "GaveUp"],
  CANCELLING: ["StartRequested", "CancelRequested"],
  FINISHED: ["StartRequested", "RestorePointLoaded", "AllSubtasksEnded", "Released"],
  FAILED: ["StartRequested", "GaveUp", "Released"],
  CANCELED: ["StartRequested", "CancelRequested", "Released"],
};

const ENDS = { GaveUp: "FAILING", CancelRequested: "CANCELLING" } as const;
/** Where each event leads; what is not named here is unexpected. */
const TARGETS: Readonly<Record<State, Partial<Record<Event, State>>>> = {
  CREATED: { StartRequested: "INITIALIZING" },
  INITIALIZING: { RestorePointLoaded: "RUNNING", ...ENDS },
  RUNNING: { RestartDecided: "RESTARTING", AllSubtasksEnded: "FINISHING", ...ENDS },
  RESTARTING: {
    RestartDecided: "RESTARTING",
    Released: "RESTARTING",
    BackoffOver: "RESTARTING",
    ...ENDS,
  },
  RESTORING: { RestorePointLoaded: "RUNNING", RestartDecided: "RESTARTING", ...ENDS },
  FINISHING: { Released: "FINISHED", ...ENDS },
  FAILING: { Released: "FAILED", GaveUp: "FAILING", CancelRequested: "FAILING" },
  CANCELLING: { Released: "CANCELED", GaveUp: "CANCELLING", CancelRequested: "CANCELLING" },
  FINISHED: {},
  FAILED: {},
  CANCELED: {},
};
const FINAL: readonly State[] = ["FINISHED", "FAILED", "CANCELED"];

function run(path: readonly Event[]) {
  const effects: string[] = [];
  const note = (name: string) => () => void effects.push(name);
  const machine = jobMachine.provide({
    actions: {
      loadRestorePoint: note("loadRestorePoint"),
      releaseFailed: note("releaseFailed"),
      releaseAll: note("releaseAll"),
      closeCoordinators: note("closeCoordinators"),
      deploy: note("deploy"),
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

describe("the job machine", () => {
  it.each(cases)("takes $event in $state", ({ state, event, target }) => {
    const { actor, effects } = run(PATHS[state]);
    expect(actor.getSnapshot().value).toBe(state);
    effects.length = 0;
    if (FINAL.includes(state)) {
      expect(actor.getSnapshot().status).toBe("done");
      return;
    }
    actor.send({ type: event });
    expect(actor.getSnapshot().value).toBe(target ?? state);
    expect(effects.includes("unexpectedEvent")).toBe(target === undefined);
  });

  it("knows every state and event that is tested", () => {
    expect(Object.keys(PATHS).sort()).toEqual(Object.keys(jobMachine.states).sort());
    const known = new Set(Object.values(jobMachine.states).flatMap((state) => state.ownEvents));
    expect([...known].sort()).toEqual([...EVENTS].sort());
  });

  it.each([[["Released", "BackoffOver"]], [["BackoffOver", "Released"]]] as const)(
    "restores when all is released and the delay is over: %j",
    (events) => {
      const { actor, effects } = run(PATHS.RESTARTING);
      actor.send({ type: events[0] });
      expect(actor.getSnapshot().value).toBe("RESTARTING");
      actor.send({ type: events[1] });
      expect(actor.getSnapshot().value).toBe("RESTORING");
      expect(effects).toEqual(["loadRestorePoint", "deploy", "releaseFailed", "loadRestorePoint"]);
    },
  );

  it("starts the wait anew when something else fails meanwhile", () => {
    const { actor, effects } = run([...PATHS.RESTARTING, "Released", "RestartDecided"]);
    actor.send({ type: "BackoffOver" });
    expect(actor.getSnapshot().value).toBe("RESTARTING");
    expect(effects.filter((effect) => effect === "releaseFailed")).toHaveLength(2);
    actor.send({ type: "Released" });
    expect(actor.getSnapshot().value).toBe("RESTORING");
  });

  it.each([
    ["FAILING", "releaseAll"],
    ["CANCELLING", "releaseAll"],
    ["FINISHING", "closeCoordinators"],
    ["RUNNING", "deploy"],
  ] as const)("on its way into %s does %s", (state, effect) => {
    expect(run(PATHS[state]).effects.at(-1)).toBe(effect);
  });
});
