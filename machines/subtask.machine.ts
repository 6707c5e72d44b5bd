import { assign, setup } from "xstate";

/** How an attempt ended. */
export type SubtaskOutcome = "FINISHED" | "FAILED" | "CANCELED";

/** What happens to one attempt of a subtask. */
export type SubtaskMachineEvent =
  | { readonly type: "WriterOpened" }
  | { readonly type: "StopBarrierEmitted" }
  | { readonly type: "SavepointCompleted" }
  | { readonly type: "SavepointAborted" }
  | { readonly type: "InputEnded" }
  /** Everything is written and nothing waits for a commit, of the reader neither. */
  | { readonly type: "SinkFinished" }
  /** Everything is written, and something waits for a commit: of the sink, or of the reader. */
  | { readonly type: "SinkPrepared" }
  | { readonly type: "Committed" }
  | { readonly type: "Failed" }
  | { readonly type: "CancelRequested" }
  | { readonly type: "Released" };

const failed = { Failed: { target: "CLOSING", actions: ["setFailed", "reportFailure"] } } as const;
const canceled = { CancelRequested: { target: "CLOSING", actions: "setCanceled" } } as const;

/** The life of one attempt of a subtask (Flink `ExecutionState` of a source task). */
export const subtaskMachine = setup({
  types: {
    context: {} as { readonly outcome: SubtaskOutcome | undefined },
    events: {} as SubtaskMachineEvent,
  },
  actions: {
    setFinished: assign({ outcome: "FINISHED" }),
    setFailed: assign({ outcome: "FAILED" }),
    setCanceled: assign({ outcome: "CANCELED" }),
    openWriter: () => {},
    awaitCommit: () => {},
    openOperator: () => {},
    stopOperator: () => {},
    resumeReading: () => {},
    reportFailure: () => {},
    release: () => {},
    reportClosed: () => {},
    unexpectedEvent: () => {},
  },
}).createMachine({
  id: "subtask",
  description: "One attempt of a subtask: source operator, operators and sink writer in one loop.",
  context: { outcome: undefined },
  initial: "INITIALIZING",
  on: { "*": { actions: "unexpectedEvent" } },
  states: {
    INITIALIZING: {
      description: "The sink writer is being opened; the operator has not been.",
      meta: { flink: "ExecutionState.INITIALIZING" },
      entry: "openWriter",
      on: {
        WriterOpened: { target: "RUNNING", actions: "openOperator" },
        ...failed,
        ...canceled,
      },
    },
    RUNNING: {
      description: "The operator reads, chunks flow, the sink writes.",
      meta: { flink: "ExecutionState.RUNNING" },
      on: {
        StopBarrierEmitted: "WAITING_FOR_SAVEPOINT",
        InputEnded: "FINISHING",
        ...failed,
        ...canceled,
      },
    },
    WAITING_FOR_SAVEPOINT: {
      description:
        "The barrier of a stopping savepoint is out: nothing may follow it until it is durable.",
      meta: { flink: "StreamTask.triggerStopWithSavepointAsync" },
      on: {
        SavepointCompleted: { target: "RUNNING", actions: ["stopOperator", "resumeReading"] },
        SavepointAborted: { target: "RUNNING", actions: "resumeReading" },
        ...failed,
        ...canceled,
      },
    },
    FINISHING: {
      description: "The last chunk is out; the sink writes and flushes what it holds.",
      meta: { flink: "StreamTask.endData" },
      on: {
        SinkFinished: { target: "CLOSING", actions: "setFinished" },
        SinkPrepared: "COMMITTING",
        ...failed,
        ...canceled,
      },
    },
    COMMITTING: {
      description:
        "Everything is written; what the sink has prepared, and the reader wants to commit, waits until a checkpoint that holds it is durable, and is committed.",
      meta: { flink: "StreamTask.waitForFinalCheckpoint (FLIP-147)" },
      entry: "awaitCommit",
      on: {
        Committed: { target: "CLOSING", actions: "setFinished" },
        ...failed,
        ...canceled,
      },
    },
    CLOSING: {
      description: "Reader, fetchers and writer are being closed.",
      meta: { flink: "StreamTask.cleanUp" },
      entry: "release",
      on: {
        Released: { target: "CLOSED", actions: "reportClosed" },
        // The first failure decides. An operator may have failed within the very step that goes on to
        // report, say, that the savepoint was aborted: that comes too late, as another failure does.
        "*": {},
      },
    },
    CLOSED: {
      description: "Nothing of the attempt is left.",
      meta: { flink: "ExecutionState.isTerminal" },
      type: "final",
    },
  },
});
