import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import {
  type CommitterEvent,
  commitRetryDelay,
  committerMachine,
} from "../../machines/committer.machine.js";

type State = "Idle" | "Committing" | "WaitingToRetry" | "Failed" | "Closed";
type Event = CommitterEvent["type"];

const EVENTS: readonly Event[] = [
  "CommitRequested",
  "CommitSucceeded",
  "CommitPostponed",
  "CommitFailed",
  "RetryDelayElapsed",
  "CloseRequested",
];

const PATHS: Readonly<Record<State, readonly Event[]>> = {
  Idle: [],
  Committing: ["CommitRequested"],
  WaitingToRetry: ["CommitRequested", "CommitPostponed"],
  Failed: ["CommitRequested", "CommitFailed"],
  Closed: ["CloseRequested"],
};

const CLOSE = { CloseRequested: "Closed" } as const;
/** Where each event leads; what is not named here is unexpected. */
const TARGETS: Readonly<Record<State, Partial<Record<Event, State>>>> = {
  Idle: { CommitRequested: "Committing", ...CLOSE },
  Committing: {
    CommitRequested: "Committing",
    CommitSucceeded: "Idle",
    CommitPostponed: "WaitingToRetry",
    CommitFailed: "Failed",
    ...CLOSE,
  },
  WaitingToRetry: { CommitRequested: "WaitingToRetry", RetryDelayElapsed: "Committing", ...CLOSE },
  Failed: { CommitRequested: "Failed", ...CLOSE },
  Closed: Object.fromEntries(EVENTS.map((event) => [event, "Closed" as const])),
};

function run(path: readonly Event[], maxRetries = 2) {
  const effects: string[] = [];
  const note = (name: string) => () => void effects.push(name);
  const machine = committerMachine.provide({
    actions: {
      commit: note("commit"),
      startRetryTimer: note("startRetryTimer"),
      stopRetryTimer: note("stopRetryTimer"),
      reportCommitted: note("reportCommitted"),
      reportFailure: note("reportFailure"),
      reportRetriesExhausted: note("reportRetriesExhausted"),
      unexpectedEvent: note("unexpectedEvent"),
    },
  });
  const actor = createActor(machine, { input: { maxRetries } }).start();
  for (const type of path) actor.send({ type });
  return { actor, effects };
}

const cases = (Object.keys(PATHS) as State[]).flatMap((state) =>
  EVENTS.map((event) => ({ state, event, target: TARGETS[state][event] })),
);

describe("the committer machine", () => {
  it.each(cases)("takes $event in $state", ({ state, event, target }) => {
    const { actor, effects } = run(PATHS[state]);
    expect(actor.getSnapshot().value).toBe(state);
    effects.length = 0;
    actor.send({ type: event });
    expect(actor.getSnapshot().value).toBe(target ?? state);
    expect(effects.includes("unexpectedEvent")).toBe(target === undefined);
  });

  it("knows every state that is tested", () => {
    expect(Object.keys(PATHS).sort()).toEqual(Object.keys(committerMachine.states).sort());
  });

  it("commits once more for what was asked for meanwhile, and reports only then", () => {
    const { effects } = run([
      "CommitRequested",
      "CommitRequested",
      "CommitRequested",
      "CommitSucceeded",
      "CommitSucceeded",
    ]);
    expect(effects).toEqual(["commit", "commit", "reportCommitted"]);
  });

  it("tries again as often as it may, with growing delays, and then gives up", () => {
    const once = ["CommitPostponed", "RetryDelayElapsed"] as const;
    const { actor, effects } = run(["CommitRequested", ...once, ...once, "CommitPostponed"]);
    expect(actor.getSnapshot().value).toBe("Failed");
    expect(effects.filter((effect) => effect === "commit")).toHaveLength(3);
    expect(effects.at(-1)).toBe("reportRetriesExhausted");
    const delays = [1, 2, 3, 50].map((retries) =>
      commitRetryDelay({ retries, maxRetries: 100, more: false }),
    );
    expect(delays).toEqual([100, 200, 400, 60_000]);
  });

  it("begins to count anew when something was committed", () => {
    const once = ["CommitPostponed", "RetryDelayElapsed"] as const;
    const cycle = ["CommitRequested", ...once, ...once, "CommitSucceeded"] as const;
    const { actor } = run([...cycle, ...cycle]);
    expect(actor.getSnapshot().value).toBe("Idle");
  });

  it("stops its timer when it is closed while it waits", () => {
    expect(run([...PATHS.WaitingToRetry, "CloseRequested"]).effects).toEqual([
      "commit",
      "startRetryTimer",
      "stopRetryTimer",
    ]);
  });
});
