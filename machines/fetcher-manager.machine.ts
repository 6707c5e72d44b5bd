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
  | { readonly type: "SplitsWaiting"; readonly count: number }
  | { readonly type: "SplitLeftLine" }
  | { readonly type: "ShutdownIdleFetchers" }
  | { readonly type: "Close" }
  | { readonly type: "CloseTimedOut" };

export type FetcherManagerEvent = FetcherEvent | ManagerEvent;

/** A fetcher as its manager knows it: what was sent, and what the last report said. */
export interface FetcherView {
  readonly fetcher: number;
  readonly address: string;
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
  /** How many splits no fetcher has got yet; which ones is the manager's to know. */
  readonly waitingSplits: number;
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
      }),
    ),
    updateView: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type !== "FetcherReport") return;
        const view = draft.fetchers.find((one) => one.fetcher === event.fetcher);
        if (view === undefined) return;
        view.tasksDone = event.tasksDone;
        view.idle = event.idle;
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
        draft.waitingSplits = 0;
      }),
    ),
    joinLine: assign(({ context, event }) =>
      produce(context, (draft) => {
        if (event.type === "SplitsWaiting") draft.waitingSplits += event.count;
      }),
    ),
    leaveLine: assign(({ context }) =>
      produce(context, (draft) => {
        draft.waitingSplits--;
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
    hasWaitingSplits: ({ context }) => context.waitingSplits > 0,
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
    waitingSplits: 0,
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
        SplitLeftLine: { guard: "hasWaitingSplits", actions: "leaveLine" },
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
