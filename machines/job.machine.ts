import { assign, setup } from "xstate";

/** What must be true before a job that fails over can be deployed again. */
export interface JobMachineContext {
  /** The attempts (and coordinators) that have to go are gone. */
  readonly released: boolean;
  /** The restart strategy's delay is over. */
  readonly backoffOver: boolean;
}

/** What happens to a job as a whole. */
export type JobMachineEvent =
  | { readonly type: "StartRequested" }
  | { readonly type: "RestorePointLoaded" }
  | { readonly type: "RestartDecided" }
  | { readonly type: "Released" }
  | { readonly type: "BackoffOver" }
  | { readonly type: "GaveUp" }
  | { readonly type: "AllSubtasksEnded" }
  | { readonly type: "CancelRequested" };

const canceled = { CancelRequested: "CANCELLING" } as const;
const gaveUp = { GaveUp: "FAILING" } as const;

/** The life of a job (Flink `JobStatus`), with partial and global failover. */
export const jobMachine = setup({
  types: { context: {} as JobMachineContext, events: {} as JobMachineEvent },
  actions: {
    startRestart: assign({ released: false, backoffOver: false }),
    setReleased: assign({ released: true }),
    setBackoffOver: assign({ backoffOver: true }),
    loadRestorePoint: () => {},
    releaseFailed: () => {},
    releaseAll: () => {},
    closeCoordinators: () => {},
    deploy: () => {},
    publish: () => {},
    unexpectedEvent: () => {},
  },
  guards: {
    readyToRestore: ({ context }) => context.released && context.backoffOver,
  },
}).createMachine({
  id: "job",
  description: "A job: its coordinators, its subtasks, and how it comes back after a failure.",
  context: { released: false, backoffOver: false },
  initial: "CREATED",
  on: { "*": { actions: "unexpectedEvent" } },
  states: {
    CREATED: {
      description: "Nothing has been deployed.",
      meta: { flink: "JobStatus.CREATED" },
      on: { StartRequested: "INITIALIZING" },
    },
    INITIALIZING: {
      description: "The checkpoint or savepoint to start from is being read and checked.",
      meta: { flink: "JobStatus.INITIALIZING" },
      entry: ["loadRestorePoint", "publish"],
      on: { RestorePointLoaded: "RUNNING", ...gaveUp, ...canceled },
    },
    RUNNING: {
      description: "Coordinators and subtasks run.",
      meta: { flink: "JobStatus.RUNNING" },
      entry: ["deploy", "publish"],
      on: {
        RestartDecided: "RESTARTING",
        AllSubtasksEnded: "FINISHING",
        ...gaveUp,
        ...canceled,
      },
    },
    RESTARTING: {
      description: "What failed is being released and the restart strategy's delay passes.",
      meta: { flink: "JobStatus.RESTARTING" },
      entry: ["startRestart", "releaseFailed", "publish"],
      on: {
        Released: { actions: "setReleased" },
        BackoffOver: { actions: "setBackoffOver" },
        // Something else failed meanwhile: more has to go, and the delay starts anew.
        RestartDecided: { target: "RESTARTING", reenter: true },
        ...gaveUp,
        ...canceled,
      },
      always: { guard: "readyToRestore", target: "RESTORING" },
    },
    RESTORING: {
      description: "The last completed checkpoint is being read.",
      meta: { flink: "CheckpointCoordinator.restoreLatestCheckpointedStateToSubtasks" },
      entry: ["loadRestorePoint", "publish"],
      on: {
        RestorePointLoaded: "RUNNING",
        RestartDecided: "RESTARTING",
        ...gaveUp,
        ...canceled,
      },
    },
    FINISHING: {
      description: "All subtasks have ended; the coordinators are being closed.",
      meta: { flink: "ExecutionGraph.jobFinished" },
      entry: ["closeCoordinators", "publish"],
      on: { Released: "FINISHED", ...gaveUp, ...canceled },
    },
    FAILING: {
      description: "The job will not be restarted; everything is being released.",
      meta: { flink: "JobStatus.FAILING" },
      entry: ["releaseAll", "publish"],
      on: { Released: "FAILED", GaveUp: {}, CancelRequested: {} },
    },
    CANCELLING: {
      description: "The user has cancelled; everything is being released.",
      meta: { flink: "JobStatus.CANCELLING" },
      entry: ["releaseAll", "publish"],
      on: { Released: "CANCELED", GaveUp: {}, CancelRequested: {} },
    },
    FINISHED: {
      description: "Everything was read and written, or the job was stopped with a savepoint.",
      meta: { flink: "JobStatus.FINISHED" },
      entry: "publish",
      type: "final",
    },
    FAILED: {
      description: "Ended by an error that no restart could help.",
      meta: { flink: "JobStatus.FAILED" },
      entry: "publish",
      type: "final",
    },
    CANCELED: {
      description: "Ended by its user, without a savepoint.",
      meta: { flink: "JobStatus.CANCELED" },
      entry: "publish",
      type: "final",
    },
  },
});
