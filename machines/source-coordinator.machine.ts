import { produce } from "immer";
import { assertEvent, assign, setup } from "xstate";
import type { CoordinatorFailed } from "../src/api/job-event.js";

/** Why an event is not accepted; the coordinator turns it into an error for whoever sent it. */
export type CoordinatorRefusal =
  | "notStarted"
  | "alreadyStarted"
  | "alreadyRestored"
  | "noSuchSubtask"
  | "attemptExists"
  | "readerExists";

/** What a source coordinator knows about its subtasks; all of it plain data. */
export interface SourceCoordinatorState {
  readonly parallelism: number;
  /** The checkpoint that the enumerator was restored from; null: none. */
  readonly restoredCheckpointId: number | null;
  /** Subtask → attempt → the address where that attempt takes events. */
  readonly attempts: Readonly<Record<number, Readonly<Record<number, string>>>>;
  /** Subtask → attempt → location of its registered reader; no subtask without a reader. */
  readonly readers: Readonly<Record<number, Readonly<Record<number, string>>>>;
  /** The subtasks that get no further split until they are reset. */
  readonly noMoreSplits: Readonly<Record<number, true>>;
  /** Whether old data is being caught up with; null: the enumerator has not said. */
  readonly isProcessingBacklog: boolean | null;
}

/**
 * What happens to a source coordinator. Split requests and reported watermarks change none of this.
 */
export type SourceCoordinatorEvent =
  | { readonly type: "ResetToCheckpoint"; readonly checkpointId: number; readonly empty: boolean }
  | { readonly type: "StartCoordinator" }
  | {
      readonly type: "AttemptReady";
      readonly subtask: number;
      readonly attempt: number;
      readonly address: string;
    }
  | { readonly type: "AttemptFailed"; readonly subtask: number; readonly attempt: number }
  | { readonly type: "SubtaskReset"; readonly subtask: number; readonly checkpointId: number }
  | {
      readonly type: "ReaderRegistered";
      readonly subtask: number;
      readonly attempt: number;
      readonly location: string;
    }
  | { readonly type: "NoMoreSplitsSignalled"; readonly subtask: number }
  | { readonly type: "BacklogSet"; readonly isProcessingBacklog: boolean }
  | { readonly type: "CoordinatorFailed"; readonly error: CoordinatorFailed["error"] }
  | { readonly type: "CloseCoordinator" }
  | { readonly type: "EnumeratorClosed"; readonly error?: CoordinatorFailed["error"] };

const refuse = (reason: CoordinatorRefusal) =>
  ({ actions: { type: "refuse", params: { reason } } }) as const;

const refuseUnknownSubtask = { guard: "isUnknownSubtask", ...refuse("noSuchSubtask") } as const;

/** Before the start nothing can come from a subtask. */
const subtasksNotYet = {
  AttemptReady: refuse("notStarted"),
  AttemptFailed: refuse("notStarted"),
  SubtaskReset: refuse("notStarted"),
  ReaderRegistered: refuse("notStarted"),
  NoMoreSplitsSignalled: refuse("notStarted"),
} as const;

/** The same while the job runs and while it fails over: the subtasks' own lives go on. */
const subtasks = {
  ResetToCheckpoint: refuse("alreadyStarted"),
  // As in Flink: the enumerator is told once more.
  StartCoordinator: { actions: "startEnumerator" },
  AttemptReady: [
    refuseUnknownSubtask,
    { guard: "isKnownAttempt", ...refuse("attemptExists") },
    { actions: "recordAttempt" },
  ],
  AttemptFailed: [
    { guard: "isUnknownSubtask", actions: ["removeReader", refuse("noSuchSubtask").actions] },
    { actions: ["removeReader", "removeAttempt"] },
  ],
  SubtaskReset: [refuseUnknownSubtask, { actions: ["resetSubtask", "addSplitsBack"] }],
  ReaderRegistered: [
    { guard: "isKnownReader", ...refuse("readerExists") },
    { guard: "isFirstReader", actions: ["recordReader", "resendSplits", "addReader"] },
    { actions: ["recordReader", "resendSplits"] },
  ],
  NoMoreSplitsSignalled: [
    refuseUnknownSubtask,
    { actions: ["recordNoMoreSplits", "sendNoMoreSplits"] },
  ],
  BacklogSet: { actions: ["recordBacklog", "sendBacklog"] },
} as const;

const close = { CloseCoordinator: { target: "closing", actions: "closeEnumerator" } } as const;

/**
 * The life of one source's coordinator and what it knows about its subtasks.
 *
 * `started` and `failed` answer the same events: after a failure the coordinator stays consistent
 * until the job, which is failing over, closes it. A failure is reported once.
 */
export const sourceCoordinatorMachine = setup({
  types: {
    context: {} as SourceCoordinatorState,
    events: {} as SourceCoordinatorEvent,
    input: {} as { readonly parallelism: number },
  },
  actions: {
    recordRestore: assign(({ context, event }) => {
      assertEvent(event, "ResetToCheckpoint");
      return produce(context, (draft) => {
        draft.restoredCheckpointId = event.checkpointId;
      });
    }),
    recordAttempt: assign(({ context, event }) => {
      assertEvent(event, "AttemptReady");
      return produce(context, (draft) => {
        draft.attempts[event.subtask] ??= {};
        (draft.attempts[event.subtask] as Record<number, string>)[event.attempt] = event.address;
      });
    }),
    removeAttempt: assign(({ context, event }) => {
      assertEvent(event, "AttemptFailed");
      return produce(context, (draft) => {
        removeEntry(draft.attempts, event.subtask, event.attempt);
      });
    }),
    recordReader: assign(({ context, event }) => {
      assertEvent(event, "ReaderRegistered");
      return produce(context, (draft) => {
        draft.readers[event.subtask] ??= {};
        (draft.readers[event.subtask] as Record<number, string>)[event.attempt] = event.location;
      });
    }),
    removeReader: assign(({ context, event }) => {
      assertEvent(event, "AttemptFailed");
      return produce(context, (draft) => {
        removeEntry(draft.readers, event.subtask, event.attempt);
      });
    }),
    resetSubtask: assign(({ context, event }) => {
      assertEvent(event, "SubtaskReset");
      return produce(context, (draft) => {
        delete draft.attempts[event.subtask];
        delete draft.readers[event.subtask];
        delete draft.noMoreSplits[event.subtask];
      });
    }),
    recordNoMoreSplits: assign(({ context, event }) => {
      assertEvent(event, "NoMoreSplitsSignalled");
      return produce(context, (draft) => {
        draft.noMoreSplits[event.subtask] = true;
      });
    }),
    recordBacklog: assign(({ context, event }) => {
      assertEvent(event, "BacklogSet");
      return produce(context, (draft) => {
        draft.isProcessingBacklog = event.isProcessingBacklog;
      });
    }),
    refuse: (_, _params: { readonly reason: CoordinatorRefusal }) => {},
    restoreEnumerator: () => {},
    startEnumerator: () => {},
    resendSplits: () => {},
    addReader: () => {},
    addSplitsBack: () => {},
    sendNoMoreSplits: () => {},
    sendBacklog: () => {},
    failJob: () => {},
    closeEnumerator: () => {},
    reportClosed: () => {},
    lateEvent: () => {},
    unexpectedEvent: () => {},
  },
  guards: {
    isRestored: ({ context }) => context.restoredCheckpointId !== null,
    hasNothingToRestore: ({ event }) => event.type === "ResetToCheckpoint" && event.empty,
    isUnknownSubtask: ({ context, event }) =>
      "subtask" in event && !isSubtask(event.subtask, context.parallelism),
    isKnownAttempt: ({ context, event }) =>
      event.type === "AttemptReady" &&
      context.attempts[event.subtask]?.[event.attempt] !== undefined,
    isKnownReader: ({ context, event }) =>
      event.type === "ReaderRegistered" &&
      context.readers[event.subtask]?.[event.attempt] !== undefined,
    isFirstReader: ({ context, event }) =>
      event.type === "ReaderRegistered" && context.readers[event.subtask] === undefined,
  },
}).createMachine({
  id: "sourceCoordinator",
  description: "Coordinates one source: its enumerator, its readers and their attempts.",
  context: ({ input }) => ({
    parallelism: input.parallelism,
    restoredCheckpointId: null,
    attempts: {},
    readers: {},
    noMoreSplits: {},
    isProcessingBacklog: null,
  }),
  initial: "created",
  on: { "*": { actions: "unexpectedEvent" } },
  states: {
    created: {
      description: "There is no enumerator yet, or a restored one that has not been started.",
      meta: { flink: "SourceCoordinator.resetToCheckpoint" },
      on: {
        ...subtasksNotYet,
        ...close,
        ResetToCheckpoint: [
          { guard: "hasNothingToRestore" },
          { guard: "isRestored", ...refuse("alreadyRestored") },
          { actions: ["recordRestore", "restoreEnumerator"] },
        ],
        StartCoordinator: { target: "started", actions: "startEnumerator" },
        BacklogSet: { actions: ["recordBacklog", "sendBacklog"] },
        CoordinatorFailed: { target: "failed", actions: "failJob" },
      },
    },
    started: {
      description: "The enumerator runs: readers register and get splits.",
      meta: { flink: "SourceCoordinator.start" },
      on: {
        ...subtasks,
        ...close,
        CoordinatorFailed: { target: "failed", actions: "failJob" },
      },
    },
    failed: {
      description: "The job has been told to fail over; the first failure is the one that counts.",
      meta: { flink: "SourceCoordinatorContext.failJob" },
      on: { ...subtasks, ...close, CoordinatorFailed: {} },
    },
    closing: {
      description: "The enumerator is closing; what it started is aborted.",
      meta: { flink: "SourceCoordinator.close" },
      on: {
        EnumeratorClosed: { target: "closed", actions: "reportClosed" },
        "*": { actions: "lateEvent" },
      },
    },
    closed: {
      description: "Nothing of the coordinator runs any more.",
      meta: { flink: "SourceCoordinatorContext.isClosed" },
      on: { "*": { actions: "lateEvent" } },
    },
  },
});

function isSubtask(subtask: number, parallelism: number): boolean {
  return Number.isInteger(subtask) && subtask >= 0 && subtask < parallelism;
}

function removeEntry(
  table: Record<number, Record<number, string>>,
  subtask: number,
  attempt: number,
): void {
  const entries = table[subtask];
  if (entries === undefined) return;
  delete entries[attempt];
  if (Object.keys(entries).length === 0) delete table[subtask];
}
