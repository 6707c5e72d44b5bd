import { describe, expect, it } from "vitest";
import { type SnapshotFrom, transition } from "xstate";
import type { SplitFetcherEvent } from "../../machines/fetcher-event.js";
import { hasNothingToDo, splitFetcherMachine } from "../../machines/split-fetcher.machine.js";
import { leafStates } from "../support/reader-machines.js";

type Snapshot = SnapshotFrom<typeof splitFetcherMachine>;

const error = { name: "Error", message: "test" };
const split = (splitId: string) => ({ splitId });

/** How many splits there are when the oldest task is done. */
function splitsAfter({ assignedSplits, tasks }: Snapshot["context"]): number {
  if (tasks[0]?.type === "AddSplits") return Math.min(2, assignedSplits + 1);
  return tasks[0]?.type === "RemoveSplits" ? 0 : assignedSplits;
}

/** Every event in every state: fresh and stale results, and commands at any time. */
function alphabet({ context }: Snapshot): SplitFetcherEvent[] {
  const sequence = context.tasksDone + context.tasks.length + 1;
  const events: SplitFetcherEvent[] = [
    { type: "PauseFetcher" },
    { type: "ResumeFetcher" },
    { type: "ShutdownFetcher", waitForRecords: true },
    { type: "ShutdownFetcher", waitForRecords: false },
    { type: "RecordsProcessed" },
    { type: "ReaderClosed" },
    { type: "ReaderCloseFailed", error },
  ];
  for (const step of [context.step, context.step - 1]) {
    events.push(
      { type: "Turn", step },
      { type: "FetchCompleted", step },
      { type: "BatchAccepted", step, assignedSplits: context.assignedSplits },
      { type: "BatchAccepted", step, assignedSplits: Math.max(0, context.assignedSplits - 1) },
      { type: "BatchRefused", step },
      { type: "TaskCompleted", step, assignedSplits: splitsAfter(context) },
      { type: "StepFailed", step, error },
    );
  }
  // Two tasks in line show all there is to see.
  if (context.tasks.length < 2) events.push({ type: "AddSplits", sequence, splits: [split("a")] });
  if (context.tasks.length < 1) {
    events.push(
      { type: "AddSplits", sequence, splits: [split("a"), split("b")] },
      { type: "RemoveSplits", sequence, splits: [split("a")] },
      { type: "PauseOrResumeSplits", sequence, splitsToPause: ["a"], splitsToResume: [] },
      { type: "RunTask", sequence, task: { type: "Commit" } },
    );
  }
  return events;
}

/** Steps and tasks are counted without end; states that differ only in a count are the same. */
function key({ value, context }: Snapshot): string {
  const { step: _step, tasksDone: _tasksDone, tasks, ...rest } = context;
  return JSON.stringify([value, rest, tasks.map(({ type }) => type)]);
}

interface Edge {
  readonly from: Snapshot;
  readonly event: SplitFetcherEvent;
  readonly to: Snapshot;
  readonly actions: readonly string[];
}

function everyEdge(): Edge[] {
  const [initial] = transition(splitFetcherMachine, start(), { type: "ResumeFetcher" });
  const seen = new Set([key(initial)]);
  const edges: Edge[] = [];
  const line = [initial];
  for (let from = line.pop(); from !== undefined; from = line.pop()) {
    for (const event of alphabet(from)) {
      const [to, actions] = transition(splitFetcherMachine, from, event);
      edges.push({ from, event, to, actions: actions.map(({ type }) => type) });
      if (!seen.has(key(to))) {
        seen.add(key(to));
        line.push(to);
      }
    }
  }
  return edges;
}

function start(): Snapshot {
  return splitFetcherMachine.resolveState({
    value: "Idle",
    context: splitFetcherMachine.config.context as Snapshot["context"],
  });
}

const edges = everyEdge();
const leaf = (snapshot: Snapshot): string => leafStates(snapshot.value)[0] as string;

describe("split fetcher machine", () => {
  it("takes every event in every state without an error", () => {
    expect(edges.length).toBeGreaterThan(1000);
    expect(edges.filter(({ to }) => to.status !== "active")).toEqual([]);
    expect(edges.filter(({ actions }) => actions.includes("unexpectedEvent"))).toEqual([]);
  });

  it("reaches every state that it describes", () => {
    expect([...new Set(edges.map(({ to }) => leaf(to)))].sort()).toEqual(
      [
        "Closed",
        "Closing.awaitingRecords",
        "Closing.closingReader",
        "Failed",
        "Idle",
        "Paused",
        "Running.fetching",
        "Running.handingOver",
        "Running.nextTask",
        "Running.runningTask",
      ].sort(),
    );
  });

  it("is idle only with nothing to do", () => {
    expect(edges.filter(({ to }) => leaf(to) === "Idle" && !hasNothingToDo(to.context))).toEqual(
      [],
    );
  });

  it("never fetches while it holds a batch, and never drops one", () => {
    for (const { from, event, to, actions } of edges) {
      if (actions.includes("fetch")) expect(to.context.hasBatch).toBe(false);
      if (from.context.hasBatch && !to.context.hasBatch) expect(event.type).toBe("BatchAccepted");
    }
  });

  it("does one thing at a time: nothing starts while a result is awaited", () => {
    const waiting = new Set(["Running.fetching", "Running.handingOver", "Running.runningTask"]);
    const started = new Set(["fetch", "handOver", "runTask", "requestTurn", "closeSplitReader"]);
    for (const { from, event, actions } of edges) {
      if (!waiting.has(leaf(from)) || !actions.some((action) => started.has(action))) continue;
      const isResult = "step" in event && event.step === from.context.step;
      expect([leaf(from), event, isResult]).toEqual([leaf(from), event, true]);
    }
  });

  it("wakes up a fetch and a hand-over for a task, but for a custom one", () => {
    for (const { from, event, actions } of edges) {
      const wakes = actions.includes("wakeUpSplitReader") || actions.includes("wakeUpPutter");
      const blocks = ["Running.fetching", "Running.handingOver"].includes(leaf(from));
      if (blocks && "sequence" in event)
        expect([event, wakes]).toEqual([event, event.type !== "RunTask"]);
    }
  });

  it("ignores results of earlier steps", () => {
    const stale = edges.filter(
      ({ from, event }) => "step" in event && event.step !== from.context.step,
    );
    expect(stale.length).toBeGreaterThan(100);
    for (const { from, to, actions } of stale) {
      expect(key(to)).toBe(key(from));
      expect(actions).toEqual([]);
    }
  });

  it("stays closed", () => {
    const closed = edges.filter(({ from }) => leaf(from) === "Closed");
    expect(closed.length).toBeGreaterThan(10);
    for (const { to, actions } of closed) expect([leaf(to), actions]).toEqual(["Closed", []]);
  });

  it("closes its split reader once, and from every state when it is shut down now", () => {
    for (const { from, event, to, actions } of edges) {
      if (actions.includes("closeSplitReader")) expect(leaf(to)).toBe("Closing.closingReader");
      if (event.type !== "ShutdownFetcher" || event.waitForRecords) continue;
      if (leaf(from).startsWith("Clos")) continue;
      expect(to.context.shutdown).toBe("NOW");
    }
  });

  it("reports an event that nobody knows", () => {
    const [, actions] = transition(splitFetcherMachine, start(), { type: "Typo" } as never);
    expect(actions.map(({ type }) => type)).toEqual(["unexpectedEvent"]);
  });
});
