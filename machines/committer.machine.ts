import { assign, setup } from "xstate";
import { doublingDelay } from "./retry-delay.js";

/** What happens to the commits of one sink in one subtask. */
export type CommitterEvent =
  /** A checkpoint is durable, or was restored: what it holds is to be committed. */
  | { readonly type: "CommitRequested" }
  /** The committer has dealt with everything that it was given. */
  | { readonly type: "CommitSucceeded" }
  /** Some of it is to be tried again later. */
  | { readonly type: "CommitPostponed" }
  | { readonly type: "CommitFailed" }
  | { readonly type: "RetryDelayElapsed" }
  | { readonly type: "CloseRequested" };

export interface CommitterMachineContext {
  /** Tries in a row that were postponed. */
  readonly retries: number;
  readonly maxRetries: number;
  /** More was asked for while a commit was under way. */
  readonly more: boolean;
}

export interface CommitterInput {
  readonly maxRetries: number;
}

const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;

/** Milliseconds before the retry that is counted last: the delay doubles with each one in a row. */
export function commitRetryDelay({ retries }: CommitterMachineContext): number {
  return doublingDelay(retries, FIRST_DELAY, LONGEST_DELAY);
}

const failed = { target: "Failed", actions: "reportFailure" } as const;
const closed = { CloseRequested: "Closed" } as const;

/** The commits of one sink in one subtask: one at a time, tried again with growing delays. */
export const committerMachine = setup({
  types: {
    context: {} as CommitterMachineContext,
    events: {} as CommitterEvent,
    input: {} as CommitterInput,
  },
  actions: {
    countRetry: assign({ retries: ({ context }) => context.retries + 1 }),
    forgetRetries: assign({ retries: 0 }),
    rememberMore: assign({ more: true }),
    forgetMore: assign({ more: false }),
    /** Gives the committer everything that is due. */
    commit: () => {},
    startRetryTimer: () => {},
    stopRetryTimer: () => {},
    /** Tells that nothing is due any more. */
    reportCommitted: () => {},
    reportFailure: () => {},
    reportRetriesExhausted: () => {},
    unexpectedEvent: () => {},
  },
  guards: {
    hasMore: ({ context }) => context.more,
    mayRetry: ({ context: { retries, maxRetries } }) => retries < maxRetries,
  },
}).createMachine({
  id: "committer",
  description: "Commits what durable checkpoints hold, one commit at a time.",
  meta: { flink: "CommitterOperator" },
  context: ({ input }) => ({ retries: 0, maxRetries: input.maxRetries, more: false }),
  initial: "Idle",
  on: { "*": { actions: "unexpectedEvent" } },
  states: {
    Idle: {
      description: "Nothing is due.",
      meta: { flink: "CommitterOperator.commitAndEmitCheckpoints" },
      on: { CommitRequested: "Committing", ...closed },
    },
    Committing: {
      description: "The committer is at work.",
      meta: { flink: "CheckpointCommittableManagerImpl.commit" },
      entry: ["forgetMore", "commit"],
      on: {
        CommitRequested: { actions: "rememberMore" },
        CommitSucceeded: [
          { guard: "hasMore", target: "Committing", reenter: true, actions: "forgetRetries" },
          { target: "Idle", actions: ["forgetRetries", "reportCommitted"] },
        ],
        CommitPostponed: [
          { guard: "mayRetry", target: "WaitingToRetry", actions: "countRetry" },
          { target: "Failed", actions: "reportRetriesExhausted" },
        ],
        CommitFailed: failed,
        ...closed,
      },
    },
    WaitingToRetry: {
      description: "Something is to be tried again; the next try waits for its delay.",
      meta: { flink: "CommitterOperator.retryWithDelay" },
      entry: "startRetryTimer",
      exit: "stopRetryTimer",
      on: {
        // It goes with the next try.
        CommitRequested: {},
        RetryDelayElapsed: "Committing",
        ...closed,
      },
    },
    Failed: {
      description: "It cannot go on; the checkpoint still holds what was not committed.",
      meta: { flink: "CommitRequestImpl.signalFailedWithUnknownReason" },
      on: { CommitRequested: {}, ...closed },
    },
    Closed: {
      description: "Nothing is committed any more.",
      meta: { flink: "CommitterOperator.close" },
      // What was under way has come to its end too late.
      on: {
        CommitRequested: {},
        CommitSucceeded: {},
        CommitPostponed: {},
        CommitFailed: {},
        RetryDelayElapsed: {},
        CloseRequested: {},
      },
    },
  },
});
