import { setup } from "xstate";

/** What happens to an operator that answers later. */
export type AsyncOperatorEvent =
  /** Input has come that finds no place among the records in flight. */
  | { readonly type: "CapacityReached" }
  /** All of that input has found its place. */
  | { readonly type: "CapacityFreed" }
  /** The barrier of a savepoint that stops the job is out, and everything in flight is in it. */
  | { readonly type: "StopBarrierPassed" }
  /** That savepoint has been aborted: the job goes on. */
  | { readonly type: "StopAborted" }
  | { readonly type: "InputEnded" }
  /** The input has ended and everything has been emitted. */
  | { readonly type: "AllEmitted" }
  | { readonly type: "Failed" }
  | { readonly type: "CloseRequested" };

const closes = { Failed: "CLOSED", CloseRequested: "CLOSED" } as const;

/** The life of an operator whose results come later (Flink `AsyncWaitOperator`). */
export const asyncOperatorMachine = setup({
  types: { events: {} as AsyncOperatorEvent },
  actions: {
    /** Forgets all records in flight: the savepoint has them. */
    discard: () => {},
    /** Aborts every call that is under way. */
    release: () => {},
    unexpectedEvent: () => {},
  },
}).createMachine({
  id: "async-operator",
  description: "An operator with a limited number of records in flight, whose results come later.",
  initial: "OPEN",
  on: { "*": { actions: "unexpectedEvent" } },
  states: {
    OPEN: {
      description: "Every record that has come is in flight.",
      meta: { flink: "AsyncWaitOperator.processElement" },
      on: {
        CapacityReached: "FULL",
        StopBarrierPassed: "STOPPED",
        InputEnded: "FINISHING",
        ...closes,
      },
    },
    FULL: {
      description: "Input waits until records in flight leave; its credits wait with it.",
      meta: { flink: "AsyncWaitOperator.addToWorkQueue" },
      on: {
        CapacityFreed: "OPEN",
        StopBarrierPassed: "STOPPED",
        InputEnded: "FINISHING",
        ...closes,
      },
    },
    STOPPED: {
      description: "A stopping savepoint holds everything in flight: nothing may be emitted.",
      meta: { flink: "StreamTask.triggerStopWithSavepointAsync" },
      on: {
        StopAborted: "OPEN",
        InputEnded: { target: "FINISHING", actions: "discard" },
        ...closes,
      },
    },
    FINISHING: {
      description: "No more input comes; the end waits for everything in flight.",
      meta: { flink: "AsyncWaitOperator.endInput" },
      on: { AllEmitted: "CLOSED", ...closes },
    },
    CLOSED: {
      description: "No call is under way.",
      meta: { flink: "AsyncWaitOperator.close" },
      type: "final",
      entry: "release",
    },
  },
});
