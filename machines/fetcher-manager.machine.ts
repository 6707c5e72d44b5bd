import { produce } from "immer";
import { assign, setup } from "xstate";
import type { ErrorInfo } from "../src/errors/error-info.js";
import type { FetcherEvent, FetcherTask } from "./fetcher-event.js";

/** What the manager's own methods and its timer bring about. */
export type ManagerEvent =
  | { readonly type: "FetcherCreated"; readonly fetcher: number; readonly address: string }
  | { readonly type: "SendTask"; readonly fetcher: number; readonly task: FetcherTask }
  | { readonly type: "PauseFetcher"; readonly fetcher: number }
  | { readonly type: "ResumeFetcher"; readonly fetcher: number }
  | { readonly type: "SplitsWaiting"; readonly splitIds: readonly string[] }
  | { readonly type: "SplitLeftLine"; readonly splitId: string }
  | {
      readonly type: "SplitsPausedOrResumed";
      readonly splitsToPause: readonly string[];
      readonly splitsToResume: readonly string[];
    }
  | { readonly type: "ShutdownIdleFetchers" }
  | { readonly type: "Close" }
  | { readonly type: "CloseTimedOut" };

export type FetcherManagerEvent = FetcherEvent | ManagerEvent;

/** A fetcher as its manager knows it: what was sent, and what the last report said. */
export interface FetcherView {
  readonly fetcher: number;
  readonly address: string;
  /** Sent to it and not reported as finished: also those that it has not taken yet. */
  readonly ownedSplits: readonly string[];
  /** As of its last report. */
  readonly assignedSplits: readonly string[];
  readonly tasksSent: number;
  readonly tasksDone: number;
  readonly idle: boolean;
  readonly failed: boolean;
}

export interface FetcherManagerContext {
  /** Alive, oldest first. */
  readonly fetchers: readonly FetcherView[];
  /** Told to shut down and not closed yet. */
  readonly shuttingDown: readonly { readonly fetcher: number; readonly address: string }[];
  readonly fetchersCreated: number;
  /** Splits that no fetcher has got yet, oldest first. */
  readonly waitingSplits: readonly string[];
  /** Splits of this reader that are paused, wherever they are. */
  readonly pausedSplits: readonly string[];
  /** The first error and, up to a limit, those after it. */
  readonly errors: readonly ErrorInfo[];
  readonly timedOut: boolean;
}

/** Errors beyond this number are dropped: the first ones say what went wrong. */
export const MAX_FETCHER_ERRORS = 17;

/** A report is the last word only when it covers every task that was sent (Flink `SplitFetcher.isIdle`). */
export function isIdle(view: FetcherView): boolean {
  return view.idle && !view.failed && view.tasksDone === view.tasksSent;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

function ownedAfter(view: FetcherView, assigned: readonly string[], tasksDone: number): string[] {
  // With tasks under way the report does not know all that is owned, only what has ended.
  if (tasksDone === view.tasksSent) return [...assigned];
  const ended = view.assignedSplits.filter((id) => !assigned.includes(id));
  return view.ownedSplits.filter((id) => !ended.includes(id));
}

const definition = setup({
  types: {
    context: {} as FetcherManagerContext,
    events: {} as FetcherManagerEvent,
  },
  actions: {
    addFetcher: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type !== "FetcherCreated") return;
        draft.fetchersCreated++;
        draft.fetchers.push({
          fetcher: event.fetcher,
          address: event.address,
          ownedSplits: [],
          assignedSplits: [],
          tasksSent: 0,
          tasksDone: 0,
          idle: true,
          failed: false,
        });
      }),
    ),
    countTask: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type !== "SendTask") return;
        const view = draft.fetchers.find((one) => one.fetcher === event.fetcher);
        if (view === undefined) return;
        view.tasksSent++;
        if (event.task.type === "AddSplits") {
          for (const split of event.task.splits) {
            if (!view.ownedSplits.includes(split.splitId)) view.ownedSplits.push(split.splitId);
          }
        }
      }),
    ),
    updateView: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type !== "FetcherReport") return;
        const view = draft.fetchers.find((one) => one.fetcher === event.fetcher);
        if (view === undefined) return;
        const owned = ownedAfter(view, event.assignedSplits, event.tasksDone);
        const ended = view.ownedSplits.filter((id) => !owned.includes(id));
        draft.pausedSplits = draft.pausedSplits.filter((id) => !ended.includes(id));
        Object.assign(view as Draft<FetcherView>, {
          ownedSplits: owned,
          assignedSplits: [...event.assignedSplits],
          tasksDone: event.tasksDone,
          idle: event.idle,
        });
      }),
    ),
    keepError: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type !== "FetcherFailed") return;
        if (draft.errors.length < MAX_FETCHER_ERRORS) {
          draft.errors.push(event.error as (typeof draft.errors)[number]);
        }
        const view = draft.fetchers.find((one) => one.fetcher === event.fetcher);
        if (view !== undefined) view.failed = true;
      }),
    ),
    removeFetcher: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type !== "FetcherClosed") return;
        draft.fetchers = draft.fetchers.filter((one) => one.fetcher !== event.fetcher);
        draft.shuttingDown = draft.shuttingDown.filter((one) => one.fetcher !== event.fetcher);
      }),
    ),
    moveIdleToShuttingDown: assign(({ context }) =>
      produce(context, (draft) => {
        for (const view of draft.fetchers.filter(isIdle)) {
          draft.shuttingDown.push({ fetcher: view.fetcher, address: view.address });
        }
        draft.fetchers = draft.fetchers.filter((view) => !isIdle(view));
      }),
    ),
    moveAllToShuttingDown: assign(({ context }) =>
      produce(context, (draft) => {
        for (const { fetcher, address } of draft.fetchers) {
          draft.shuttingDown.push({ fetcher, address });
        }
        draft.fetchers = [];
        draft.waitingSplits = [];
      }),
    ),
    joinLine: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type === "SplitsWaiting") draft.waitingSplits.push(...event.splitIds);
      }),
    ),
    leaveLine: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type !== "SplitLeftLine") return;
        draft.waitingSplits = draft.waitingSplits.filter((id) => id !== event.splitId);
      }),
    ),
    setPaused: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type !== "SplitsPausedOrResumed") return;
        const known = new Set(draft.waitingSplits);
        for (const view of draft.fetchers) for (const id of view.ownedSplits) known.add(id);
        const paused = new Set(draft.pausedSplits);
        for (const id of event.splitsToPause) if (known.has(id)) paused.add(id);
        for (const id of event.splitsToResume) paused.delete(id);
        draft.pausedSplits = [...paused];
      }),
    ),
    giveUp: assign(({ context }) =>
      produce(context, (draft) => {
        draft.timedOut = true;
      }),
    ),
    /** Posts the task, with its number, to the fetcher. */
    postTask: () => {},
    postPauseOrResume: () => {},
    /** Tells those that are idle to end once what they handed over has been read; runs before the move. */
    shutdownIdle: () => {},
    /** Tells all, also those that are ending already, to end now. */
    shutdownAll: () => {},
    startCloseTimer: () => {},
    stopCloseTimer: () => {},
    /** Recycles what lies in the element queue. */
    drainQueue: () => {},
    notifyAvailable: () => {},
    unexpectedEvent: () => {},
  },
  guards: {
    isIdleReport: ({ event }) => event.type === "FetcherReport" && event.idle,
    allClosed: ({ context }) => context.shuttingDown.length === 0,
  },
});

/** Which fetchers there are and what each has to do (Flink `SplitFetcherManager`). */
export const fetcherManagerMachine = definition.createMachine({
  id: "fetcherManager",
  description: "Which fetchers there are and what each has to do.",
  context: {
    fetchers: [],
    shuttingDown: [],
    fetchersCreated: 0,
    waitingSplits: [],
    pausedSplits: [],
    errors: [],
    timedOut: false,
  },
  initial: "Open",
  on: {
    FetcherReport: {},
    FetcherFailed: {},
    FetcherClosed: {},
    FetcherCreated: {},
    SendTask: {},
    PauseFetcher: {},
    ResumeFetcher: {},
    SplitsWaiting: {},
    SplitLeftLine: {},
    SplitsPausedOrResumed: {},
    ShutdownIdleFetchers: {},
    Close: {},
    CloseTimedOut: {},
    "*": { actions: "unexpectedEvent" },
  },
  states: {
    Open: {
      description: "Fetchers come and go with the splits.",
      meta: { flink: "SplitFetcherManager.addSplits" },
      on: {
        FetcherCreated: { actions: "addFetcher" },
        SendTask: { actions: ["countTask", "postTask"] },
        PauseFetcher: { actions: "postPauseOrResume" },
        ResumeFetcher: { actions: "postPauseOrResume" },
        SplitsWaiting: { actions: "joinLine" },
        SplitLeftLine: { actions: "leaveLine" },
        SplitsPausedOrResumed: { actions: "setPaused" },
        FetcherReport: [
          { guard: "isIdleReport", actions: ["updateView", "notifyAvailable"] },
          { actions: "updateView" },
        ],
        FetcherFailed: { actions: ["keepError", "notifyAvailable"] },
        FetcherClosed: { actions: ["removeFetcher", "notifyAvailable"] },
        ShutdownIdleFetchers: { actions: ["shutdownIdle", "moveIdleToShuttingDown"] },
        Close: { target: "Closing" },
      },
    },
    Closing: {
      description: "Every fetcher was told to end; the queue is drained until they have.",
      meta: { flink: "SplitFetcherManager.close" },
      entry: ["moveAllToShuttingDown", "shutdownAll", "drainQueue", "startCloseTimer"],
      always: { guard: "allClosed", target: "Closed" },
      on: {
        FetcherFailed: { actions: "keepError" },
        FetcherClosed: { actions: ["removeFetcher", "drainQueue"] },
        CloseTimedOut: { target: "Closed", actions: "giveUp" },
      },
    },
    Closed: {
      description: "No fetcher runs, or the time to wait for them is over.",
      meta: { flink: "SplitFetcherManager.close" },
      entry: ["stopCloseTimer", "drainQueue"],
      on: { "*": {} },
    },
  },
});
