import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import {
  type ConnectionEvent,
  type ConnectionPolicy,
  connectionMachine,
  retryDelayOf,
} from "../../machines/connection.machine.js";

type State =
  | "Disconnected"
  | "Connecting"
  | "Connected"
  | "WaitingToReconnect"
  | "Ended"
  | "Failed"
  | "Closed";
type Event = ConnectionEvent["type"];

const EVENTS: readonly Event[] = [
  "OpenRequested",
  "ConnectionEstablished",
  "ConnectFailed",
  "ConnectTimedOut",
  "BytesTransferred",
  "ConnectionEnded",
  "ConnectionBroken",
  "RetryDelayElapsed",
  "CloseRequested",
];

const NO_RETRY: ConnectionPolicy = {
  maxRetries: 0,
  retryDelay: 500,
  maxRetryDelay: 30_000,
  peerMayEnd: true,
};
const ONE_RETRY: ConnectionPolicy = { ...NO_RETRY, maxRetries: 1 };

interface Case {
  readonly policy: ConnectionPolicy;
  readonly path: readonly Event[];
  readonly targets: Partial<Record<Event, State>>;
}

const CONNECTED = ["OpenRequested", "ConnectionEstablished"] as const;
const CLOSE = { CloseRequested: "Closed" } as const;

/** How each state is reached, and where each event leads; what is not named is unexpected. */
const CASES: Readonly<Record<string, Case>> = {
  Disconnected: { policy: NO_RETRY, path: [], targets: { OpenRequested: "Connecting", ...CLOSE } },
  "Connecting, no retry left": {
    policy: NO_RETRY,
    path: ["OpenRequested"],
    targets: {
      ConnectionEstablished: "Connected",
      ConnectFailed: "Failed",
      ConnectTimedOut: "Failed",
      ...CLOSE,
    },
  },
  "Connecting, a retry left": {
    policy: ONE_RETRY,
    path: ["OpenRequested"],
    targets: {
      ConnectionEstablished: "Connected",
      ConnectFailed: "WaitingToReconnect",
      ConnectTimedOut: "WaitingToReconnect",
      ...CLOSE,
    },
  },
  "Connected, no retry left": {
    policy: NO_RETRY,
    path: CONNECTED,
    targets: {
      BytesTransferred: "Connected",
      ConnectionEnded: "Ended",
      ConnectionBroken: "Failed",
      ...CLOSE,
    },
  },
  "Connected, no retry left and the peer may not end": {
    policy: { ...NO_RETRY, peerMayEnd: false },
    path: CONNECTED,
    targets: {
      BytesTransferred: "Connected",
      ConnectionEnded: "Failed",
      ConnectionBroken: "Failed",
      ...CLOSE,
    },
  },
  "Connected, a retry left": {
    policy: ONE_RETRY,
    path: CONNECTED,
    targets: {
      BytesTransferred: "Connected",
      ConnectionEnded: "WaitingToReconnect",
      ConnectionBroken: "WaitingToReconnect",
      ...CLOSE,
    },
  },
  WaitingToReconnect: {
    policy: ONE_RETRY,
    path: ["OpenRequested", "ConnectFailed"],
    targets: { RetryDelayElapsed: "Connecting", ...CLOSE },
  },
  Ended: { policy: NO_RETRY, path: [...CONNECTED, "ConnectionEnded"], targets: CLOSE },
  Failed: { policy: NO_RETRY, path: ["OpenRequested", "ConnectFailed"], targets: CLOSE },
  Closed: { policy: NO_RETRY, path: ["CloseRequested"], targets: CLOSE },
};

const ACTIONS = [
  "connect",
  "startConnectTimer",
  "stopConnectTimer",
  "startRetryTimer",
  "stopRetryTimer",
  "releaseSocket",
  "reportConnected",
  "reportLost",
  "reportEnded",
  "reportCannotConnect",
  "reportBroken",
  "unexpectedEvent",
] as const;

function toEvent(type: Event, policy: ConnectionPolicy): ConnectionEvent {
  return type === "OpenRequested" ? { type, policy } : { type };
}

function run(policy: ConnectionPolicy, path: readonly Event[]) {
  const effects: string[] = [];
  const machine = connectionMachine.provide({
    actions: Object.fromEntries(ACTIONS.map((name) => [name, () => void effects.push(name)])),
  });
  const actor = createActor(machine).start();
  for (const type of path) actor.send(toEvent(type, policy));
  return { actor, effects };
}

const cases = Object.entries(CASES).flatMap(([name, one]) =>
  EVENTS.map((event) => ({ name, event, ...one })),
);

describe("the connection machine", () => {
  it.each(cases)("takes $event in $name", ({ name, event, policy, path, targets }) => {
    const { actor, effects } = run(policy, path);
    const state = name.split(",")[0];
    expect(actor.getSnapshot().value).toBe(state);
    effects.length = 0;
    actor.send(toEvent(event, policy));
    expect(actor.getSnapshot().value).toBe(targets[event] ?? state);
    expect(effects.includes("unexpectedEvent")).toBe(targets[event] === undefined);
  });

  it("knows every state and event that is tested", () => {
    expect([...new Set(Object.keys(CASES).map((name) => name.split(",")[0]))].sort()).toEqual(
      Object.keys(connectionMachine.states).sort(),
    );
    const known = new Set(
      Object.values(connectionMachine.states).flatMap((state) => state.ownEvents),
    );
    expect([...known].sort()).toEqual([...EVENTS].sort());
  });

  it("doubles the delay up to its limit, and begins anew once bytes have passed", () => {
    const { actor } = run({ ...NO_RETRY, maxRetries: -1, maxRetryDelay: 3000 }, ["OpenRequested"]);
    const delays: number[] = [];
    for (let i = 0; i < 5; i++) {
      actor.send({ type: "ConnectFailed" });
      delays.push(retryDelayOf(actor.getSnapshot().context));
      actor.send({ type: "RetryDelayElapsed" });
    }
    expect(delays).toEqual([500, 1000, 2000, 3000, 3000]);
    actor.send({ type: "ConnectionEstablished" });
    expect(actor.getSnapshot().context.retries).toBe(5);
    actor.send({ type: "BytesTransferred" });
    actor.send({ type: "ConnectionBroken" });
    expect(retryDelayOf(actor.getSnapshot().context)).toBe(500);
  });

  it("has a delay within its limits after any number of retries", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (retries, retryDelay, more) => {
        const maxRetryDelay = retryDelay + more;
        const delay = retryDelayOf({ ...NO_RETRY, retryDelay, maxRetryDelay, retries });
        expect(delay).toBeGreaterThanOrEqual(retryDelay);
        expect(delay).toBeLessThanOrEqual(maxRetryDelay);
      }),
    );
  });

  it("holds at most one socket and one timer, whatever happens, and none when it is closed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 }),
        fc.integer({ min: -1, max: 3 }),
        fc.boolean(),
        (events, maxRetries, peerMayEnd) => {
          const { effects } = run({ ...NO_RETRY, maxRetries, peerMayEnd }, [
            ...events,
            "CloseRequested",
          ]);
          const open = { socket: 0, connectTimer: 0, retryTimer: 0 };
          for (const effect of effects) {
            if (effect === "connect") open.socket++;
            if (effect === "releaseSocket") open.socket = 0;
            if (effect === "startConnectTimer") open.connectTimer++;
            if (effect === "stopConnectTimer") open.connectTimer--;
            if (effect === "startRetryTimer") open.retryTimer++;
            if (effect === "stopRetryTimer") open.retryTimer--;
            expect(open.socket).toBeLessThanOrEqual(1);
            expect(open.connectTimer + open.retryTimer).toBeLessThanOrEqual(1);
          }
          expect(open).toEqual({ socket: 0, connectTimer: 0, retryTimer: 0 });
          const reports = effects.filter((effect) =>
            ["reportEnded", "reportCannotConnect", "reportBroken"].includes(effect),
          );
          expect(reports.length).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
