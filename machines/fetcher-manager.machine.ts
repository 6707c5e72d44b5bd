import { assertEvent, assign, setup } from "xstate";
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

/** The list with one view changed; where there is none, the list itself. */
function changed(
  fetchers: readonly FetcherView[],
  fetcher: number,
  change: (view: FetcherView) => Partial<FetcherView>,
): readonly FetcherView[] {
  const index = fetchers.findIndex((view) => view.fetcher === fetcher);
  const view = fetchers[index];
  return view === undefined ? fetchers : fetchers.with(index, { ...view, ...change(view) });
}

function addressed({ fetcher, address }: FetcherView) {
  return { fetcher, address };
}

const definition = setup({
  types: {
    context: {} as FetcherManagerContext,
    events: {} as FetcherManagerEvent,
  },
  actions: {
    addFetcher: assign(({ context: { fetchers, fetchersCreated }, event }) => {
      assertEvent(event, "FetcherCreated");
      const { fetcher, address } = event;
      const view = { fetcher, address, tasksSent: 0, tasksDone: 0, idle: true, failed: false };
      return { fetchersCreated: fetchersCreated + 1, fetchers: [...fetchers, view] };
    }),
    countTask: assign({
      fetchers: ({ context: { fetchers }, event }) => {
        assertEvent(event, "SendTask");
        return changed(fetchers, event.fetcher, ({ tasksSent }) => ({ tasksSent: tasksSent + 1 }));
      },
    }),
    updateView: assign({
      fetchers: ({ context: { fetchers }, event }) => {
        assertEvent(event, "FetcherReport");
        const { fetcher, tasksDone, idle } = event;
        return changed(fetchers, fetcher, () => ({ tasksDone, idle }));
      },
    }),
    keepError: assign(({ context: { errors, fetchers }, event }) => {
      assertEvent(event, "FetcherFailed");
      return {
        errors: errors.length < MAX_FETCHER_ERRORS ? [...errors, event.error] : errors,
        fetchers: changed(fetchers, event.fetcher, () => ({ failed: true })),
      };
    }),
    removeFetcher: assign(({ context: { fetchers, shuttingDown }, event }) => {
      assertEvent(event, "FetcherClosed");
      const isOther = ({ fetcher }: { readonly fetcher: number }) => fetcher !== event.fetcher;
      return { fetchers: fetchers.filter(isOther), shuttingDown: shuttingDown.filter(isOther) };
    }),
    moveIdleToShuttingDown: assign(({ context: { fetchers, shuttingDown } }) => ({
      fetchers: fetchers.filter((view) => !isIdle(view)),
      shuttingDown: [...shuttingDown, ...fetchers.filter(isIdle).map(addressed)],
    })),
    moveAllToShuttingDown: assign(({ context: { fetchers, shuttingDown } }) => ({
      fetchers: [],
      shuttingDown: [...shuttingDown, ...fetchers.map(addressed)],
      waitingSplits: 0,
    })),
    joinLine: assign({
      waitingSplits: ({ context: { waitingSplits }, event }) => {
        assertEvent(event, "SplitsWaiting");
        return waitingSplits + event.count;
      },
    }),
    leaveLine: assign({ waitingSplits: ({ context }) => context.waitingSplits - 1 }),
    giveUp: assign({ timedOut: true }),
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
