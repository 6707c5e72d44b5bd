import { describe, expect, it } from "vitest";
import { type SnapshotFrom, transition } from "xstate";
import {
  type FetcherManagerEvent,
  fetcherManagerMachine,
  isIdle,
  MAX_FETCHER_ERRORS,
} from "../../machines/fetcher-manager.machine.js";
import { leafStates } from "../support/reader-machines.js";

type Snapshot = SnapshotFrom<typeof fetcherManagerMachine>;

const error = { name: "Error", message: "test" };

/** Every event in every state, for fetchers that are known and one that is not. */
function alphabet({ context }: Snapshot): FetcherManagerEvent[] {
  const events: FetcherManagerEvent[] = [
    { type: "SplitLeftLine" },
    { type: "ShutdownIdleFetchers" },
    { type: "Close" },
    { type: "CloseTimedOut" },
  ];
  if (context.waitingSplits === 0) {
    events.push({ type: "SplitsWaiting", count: 2 });
  }
  if (context.fetchersCreated < 2) {
    const fetcher = context.fetchersCreated;
    events.push({ type: "FetcherCreated", fetcher, address: `fetcher-${fetcher}` });
  }
  for (const fetcher of [0, 1, 7]) {
    const view = context.fetchers.find((one) => one.fetcher === fetcher);
    if (context.errors.length < 2) events.push({ type: "FetcherFailed", fetcher, error });
    events.push({ type: "FetcherClosed", fetcher }, { type: "PauseFetcher", fetcher });
    if ((view?.tasksSent ?? 0) < 2) {
      events.push(
        { type: "SendTask", fetcher, task: { type: "AddSplits", splits: [{ splitId: "a" }] } },
        { type: "SendTask", fetcher, task: { type: "RunTask", task: { type: "Commit" } } },
      );
    }
    for (let tasksDone = 0; tasksDone <= (view?.tasksSent ?? 0); tasksDone++) {
      events.push(
        { type: "FetcherReport", fetcher, endedSplits: ["a"], tasksDone, idle: true },
        { type: "FetcherReport", fetcher, endedSplits: [], tasksDone, idle: false },
      );
    }
  }
  return events;
}

interface Edge {
  readonly from: Snapshot;
  readonly event: FetcherManagerEvent;
  readonly to: Snapshot;
  readonly actions: readonly string[];
}

const key = ({ value, context }: Snapshot): string => JSON.stringify([value, context]);
const leaf = (snapshot: Snapshot): string => leafStates(snapshot.value)[0] as string;

function start(): Snapshot {
  return fetcherManagerMachine.resolveState({
    value: "Open",
    context: fetcherManagerMachine.config.context as Snapshot["context"],
  });
}

/** Breadth first, up to a limit of states: counts and lists make more than need be seen. */
function everyEdge(limit: number): Edge[] {
  const initial = start();
  const seen = new Set([key(initial)]);
  const edges: Edge[] = [];
  const line = [initial];
  for (const from of line) {
    for (const event of alphabet(from)) {
      const [to, actions] = transition(fetcherManagerMachine, from, event);
      edges.push({ from, event, to, actions: actions.map(({ type }) => type) });
      if (seen.size < limit && !seen.has(key(to))) {
        seen.add(key(to));
        line.push(to);
      }
    }
  }
  return edges;
}

const edges = everyEdge(1500);

describe("fetcher manager machine", () => {
  it("takes every event in every state without an error", () => {
    expect(edges.length).toBeGreaterThan(10_000);
    expect(edges.filter(({ to }) => to.status !== "active")).toEqual([]);
    expect(edges.filter(({ actions }) => actions.includes("unexpectedEvent"))).toEqual([]);
  });

  it("reaches every state that it describes", () => {
    expect([...new Set(edges.map(({ to }) => leaf(to)))].sort()).toEqual([
      "Closed",
      "Closing",
      "Open",
    ]);
  });

  it("never ends a fetcher with a task under way, a split or an error", () => {
    for (const { from, event, to } of edges) {
      if (event.type !== "ShutdownIdleFetchers") continue;
      for (const view of from.context.fetchers) {
        const gone = !to.context.fetchers.some(({ fetcher }) => fetcher === view.fetcher);
        if (!gone) continue;
        expect(view).toMatchObject({ failed: false, idle: true, tasksDone: view.tasksSent });
        expect(isIdle(view)).toBe(true);
      }
    }
  });

  it("forgets no fetcher before it has closed", () => {
    const known = ({ context }: Snapshot): number[] =>
      [...context.fetchers, ...context.shuttingDown].map(({ fetcher }) => fetcher);
    for (const { from, event, to } of edges) {
      for (const fetcher of known(from)) {
        if (known(to).includes(fetcher)) continue;
        expect(event).toEqual({ type: "FetcherClosed", fetcher });
      }
    }
  });

  it("never has fewer than no splits in line", () => {
    expect(edges.filter(({ to }) => to.context.waitingSplits < 0)).toEqual([]);
  });

  it("is closed when no fetcher is left, or when it has waited long enough", () => {
    for (const { to } of edges) {
      if (leaf(to) === "Closed" && !to.context.timedOut)
        expect(to.context.shuttingDown).toEqual([]);
      if (leaf(to) === "Closing") expect(to.context.shuttingDown).not.toEqual([]);
    }
  });

  it("makes the reader look when a fetcher is idle, has failed or has closed", () => {
    for (const { from, event, actions } of edges) {
      if (leaf(from) !== "Open") continue;
      const tells =
        event.type === "FetcherFailed" ||
        event.type === "FetcherClosed" ||
        (event.type === "FetcherReport" && event.idle);
      expect([event, actions.includes("notifyAvailable")]).toEqual([event, tells]);
    }
  });

  it("keeps the first errors and drops those beyond the limit", () => {
    let snapshot = start();
    for (let i = 0; i < 100; i++) {
      const event = {
        type: "FetcherFailed",
        fetcher: i,
        error: { ...error, message: `${i}` },
      } as const;
      [snapshot] = transition(fetcherManagerMachine, snapshot, event);
    }
    expect(snapshot.context.errors).toHaveLength(MAX_FETCHER_ERRORS);
    expect(snapshot.context.errors[0]).toMatchObject({ message: "0" });
  });

  it("reports an event that nobody knows", () => {
    const [, actions] = transition(fetcherManagerMachine, start(), { type: "Typo" } as never);
    expect(actions.map(({ type }) => type)).toEqual(["unexpectedEvent"]);
  });
});
