import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import {
  type AsyncOperatorEvent,
  asyncOperatorMachine,
} from "../../machines/async-operator.machine.js";

type State = "OPEN" | "FULL" | "STOPPED" | "FINISHING" | "CLOSED";
type Event = AsyncOperatorEvent["type"];

const EVENTS: readonly Event[] = [
  "CapacityReached",
  "CapacityFreed",
  "StopBarrierPassed",
  "StopAborted",
  "InputEnded",
  "AllEmitted",
  "Failed",
  "CloseRequested",
];

const PATHS: Readonly<Record<State, readonly Event[]>> = {
  OPEN: [],
  FULL: ["CapacityReached"],
  STOPPED: ["StopBarrierPassed"],
  FINISHING: ["InputEnded"],
  CLOSED: ["CloseRequested"],
};

const ENDS = { Failed: "CLOSED", CloseRequested: "CLOSED" } as const;
const INPUT = { StopBarrierPassed: "STOPPED", InputEnded: "FINISHING" } as const;
/** Where each event leads; what is not named here is unexpected. */
const TARGETS: Readonly<Record<State, Partial<Record<Event, State>>>> = {
  OPEN: { CapacityReached: "FULL", ...INPUT, ...ENDS },
  FULL: { CapacityFreed: "OPEN", ...INPUT, ...ENDS },
  STOPPED: { StopAborted: "OPEN", InputEnded: "FINISHING", ...ENDS },
  FINISHING: { AllEmitted: "CLOSED", ...ENDS },
  CLOSED: {},
};

function run(path: readonly Event[]) {
  const effects: string[] = [];
  const note = (name: string) => () => void effects.push(name);
  const machine = asyncOperatorMachine.provide({
    actions: {
      discard: note("discard"),
      release: note("release"),
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

describe("the async operator machine", () => {
  it.each(cases)("takes $event in $state", ({ state, event, target }) => {
    const { actor, effects } = run(PATHS[state]);
    expect(actor.getSnapshot().value).toBe(state);
    if (state === "CLOSED") {
      expect(actor.getSnapshot().status).toBe("done");
      return;
    }
    actor.send({ type: event });
    expect(actor.getSnapshot().value).toBe(target ?? state);
    expect(effects.includes("unexpectedEvent")).toBe(target === undefined);
  });

  it("knows every state and event that is tested", () => {
    expect(Object.keys(PATHS).sort()).toEqual(Object.keys(asyncOperatorMachine.states).sort());
    const states = Object.values(asyncOperatorMachine.states);
    const known = new Set(states.flatMap((state) => state.ownEvents));
    expect([...known].sort()).toEqual([...EVENTS].sort());
  });

  it.each(["OPEN", "FULL", "STOPPED", "FINISHING"] as const)(
    "releases its calls once when it fails in %s",
    (state) => {
      expect(run([...PATHS[state], "Failed"]).effects).toEqual(["release"]);
    },
  );

  it("discards what is in flight only at the end of a stop", () => {
    expect(run(["StopBarrierPassed", "InputEnded"]).effects).toEqual(["discard"]);
    expect(run(["CapacityReached", "InputEnded", "AllEmitted"]).effects).toEqual(["release"]);
  });
});
