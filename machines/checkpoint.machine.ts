import { produce } from "immer";
import { assertEvent, assign, not, setup } from "xstate";
import {
  type AttemptOf,
  allTasksRunning,
  type CheckpointContext,
  type CheckpointInput,
  type CheckpointSubtask,
  isCurrent,
  isFinished,
  isNew,
  isSame,
  type SubtaskStatus,
  unfinishedSubtasks,
  withSubtask,
} from "./checkpoint-facts.js";

interface OfCheckpoint {
  readonly checkpointId: number;
}

export type CheckpointEvent =
  | {
      readonly type: "TriggerRequested";
      readonly kind: "CHECKPOINT" | "SAVEPOINT";
      readonly stop: boolean;
    }
  | ({ readonly type: "CoordinatorAcknowledged"; readonly pipeline: string } & OfCheckpoint)
  | ({ readonly type: "CoordinatorDeclined"; readonly pipeline: string } & OfCheckpoint)
  | ({ readonly type: "SubtaskAcknowledged" } & AttemptOf & OfCheckpoint)
  | ({ readonly type: "SubtaskDeclined" } & AttemptOf & OfCheckpoint)
  | ({ readonly type: "SubtaskRunning" } & AttemptOf)
  | ({ readonly type: "SubtaskFinished" } & AttemptOf)
  | ({ readonly type: "SubtaskGone" } & AttemptOf)
  | {
      readonly type: "CoordinatorReplaced";
      readonly pipeline: string;
      readonly attempts: readonly number[];
    }
  | ({ readonly type: "TimedOut" } & OfCheckpoint)
  | ({ readonly type: "Stored" } & OfCheckpoint)
  | ({ readonly type: "StoreFailed" } & OfCheckpoint)
  | { readonly type: "Suspend" }
  | { readonly type: "Resume" }
  | { readonly type: "Close" }
  | { readonly type: "CloseTimedOut" };

const NEVER_SEEN: CheckpointSubtask = { attempt: -1, status: "MISSING" };
const IDLE = "#checkpoint.running.idle" as const;
const IGNORE = {} as const;
const RUNNING = ["recordRunning", "rememberSubtask"] as const;
const FINISHED = ["keepFinalState", "recordFinished"] as const;
const GONE = ["recordGone", "forgetSubtask"] as const;
const REPLACED = ["recordReplaced", "replaceCoordinator"] as const;
const COMPLETE = ["completeCheckpoint", "clearFailures", "forgetPending"] as const;
const ABORT = ["abortCheckpoint", "forgetPending"] as const;

/** What a failure of the pending checkpoint leads to; a late one falls through to the root. */
const FAILURE = [
  {
    guard: "exceedsTolerableFailures",
    target: IDLE,
    actions: ["abortCheckpoint", "failJob", "clearFailures", "forgetPending"],
  },
  { guard: "countsAsFailure", target: IDLE, actions: ["countFailure", ...ABORT] },
  { guard: "concernsPending", target: IDLE, actions: [...ABORT] },
] as const;

/** A subtask or coordinator that is replaced takes the barrier with it. */
const COLLECTING = {
  SubtaskAcknowledged: { guard: "isAwaitedSubtask", actions: ["keepState", "acknowledgeSubtask"] },
  CoordinatorDeclined: FAILURE,
  SubtaskDeclined: FAILURE,
  TimedOut: FAILURE,
  SubtaskRunning: { guard: "isNewAttempt", target: IDLE, actions: [...ABORT, ...RUNNING] },
  SubtaskGone: { guard: "endsAttempt", target: IDLE, actions: [...ABORT, ...GONE] },
  SubtaskFinished: [
    { guard: "isCurrentAttempt", actions: [...FINISHED, "acknowledgeSubtask"] },
    { guard: "isNewAttempt", target: IDLE, actions: [...ABORT, ...FINISHED] },
  ],
  CoordinatorReplaced: { target: IDLE, actions: [...ABORT, ...REPLACED] },
  Suspend: { target: "#checkpoint.suspended", actions: [...ABORT] },
} as const;

/**
 * A job's checkpoints, one at a time: every source coordinator and every subtask that is not
 * finished has to acknowledge, then the whole is stored, and only then is it complete.
 */
export const checkpointMachine = setup({
  types: {
    context: {} as CheckpointContext,
    events: {} as CheckpointEvent,
    input: {} as CheckpointInput,
  },
  actions: {
    /** Effects, given by the runtime. */
    triggerCheckpoint: () => {},
    keepState: () => {},
    keepFinalState: () => {},
    rememberSubtask: () => {},
    forgetSubtask: () => {},
    replaceCoordinator: () => {},
    storeCheckpoint: () => {},
    completeCheckpoint: () => {},
    abortCheckpoint: () => {},
    failJob: () => {},
    discardLateCheckpoint: () => {},
    startScheduler: () => {},
    stopScheduler: () => {},
    confirmSuspended: () => {},
    startCloseTimeout: () => {},
    closeCoordinator: () => {},
    unexpectedEvent: () => {},

    beginPending: assign(({ context: { nextCheckpointId, pipelines }, event }) => {
      assertEvent(event, "TriggerRequested");
      const { kind, stop } = event;
      const awaitedCoordinators = pipelines.map(({ id }) => id);
      const awaitedSubtasks = pipelines.flatMap(unfinishedSubtasks);
      const checkpointId = nextCheckpointId;
      return {
        nextCheckpointId: checkpointId + 1,
        pending: { checkpointId, kind, stop, awaitedCoordinators, awaitedSubtasks },
      };
    }),
    acknowledgeCoordinator: assign({
      pending: ({ context: { pending }, event }) => {
        if (pending === undefined || !("pipeline" in event)) return pending;
        const awaitedCoordinators = pending.awaitedCoordinators.filter(
          (id) => id !== event.pipeline,
        );
        return { ...pending, awaitedCoordinators };
      },
    }),
    acknowledgeSubtask: assign({
      pending: ({ context: { pending }, event }) => {
        if (pending === undefined || !("subtask" in event)) return pending;
        const awaitedSubtasks = pending.awaitedSubtasks.filter((one) => !isSame(one, event));
        return { ...pending, awaitedSubtasks };
      },
    }),
    recordRunning: assign(({ context, event }) => withStatus(context, event, "RUNNING")),
    recordFinished: assign(({ context, event }) => withStatus(context, event, "FINISHED")),
    recordGone: assign(({ context, event }) => withStatus(context, event, "MISSING")),
    recordReplaced: assign(({ context, event }) =>
      produce(context, ({ pipelines }) => {
        if (event.type !== "CoordinatorReplaced") return;
        const subtasks = pipelines.find(({ id }) => id === event.pipeline)?.subtasks ?? [];
        for (const [index, first] of event.attempts.entries()) {
          const { attempt } = subtasks[index] ?? NEVER_SEEN;
          // The news of a new attempt, which takes another way, may have come before.
          if (attempt < first) subtasks[index] = { attempt: first - 1, status: "MISSING" };
        }
      }),
    ),
    countFailure: assign({ consecutiveFailures: (args) => args.context.consecutiveFailures + 1 }),
    clearFailures: assign({ consecutiveFailures: 0 }),
    forgetPending: assign({ pending: undefined }),
  },
  guards: {
    allTasksRunning: ({ context }) => allTasksRunning(context),
    noCoordinatorAwaited: ({ context }) => context.pending?.awaitedCoordinators.length === 0,
    noSubtaskAwaited: ({ context }) => context.pending?.awaitedSubtasks.length === 0,
    isAwaitedCoordinator: ({ context, event }) =>
      event.type === "CoordinatorAcknowledged" &&
      concernsPending(context, event) &&
      context.pending?.awaitedCoordinators.includes(event.pipeline) === true,
    isAwaitedSubtask: ({ context, event }) =>
      event.type === "SubtaskAcknowledged" &&
      concernsPending(context, event) &&
      context.pending?.awaitedSubtasks.some((awaited) => isSame(awaited, event)) === true,
    concernsPending: ({ context, event }) => concernsPending(context, event),
    countsAsFailure: ({ context, event }) => countsAsFailure(context, event),
    exceedsTolerableFailures: ({ context, event }) =>
      (countsAsFailure(context, event) &&
        context.consecutiveFailures + 1 > context.tolerableFailures) ||
      // Subtasks that have passed the barrier of a stop cannot be sure to go on.
      (event.type === "SubtaskDeclined" && concernsPending(context, event) && isStopping(context)),
    stopsJob: ({ context, event }) => concernsPending(context, event) && isStopping(context),
    isNewAttempt: ({ context, event }) => "attempt" in event && isNew(context, event),
    isCurrentAttempt: ({ context, event }) => "attempt" in event && isCurrent(context, event),
    isFinishedAttempt: ({ context, event }) => "attempt" in event && isFinished(context, event),
    endsAttempt: ({ context, event }) =>
      "attempt" in event && (isCurrent(context, event) || isNew(context, event)),
  },
}).createMachine({
  id: "checkpoint",
  description: "The job's checkpoint coordinator: one checkpoint at a time, durable or aborted",
  meta: { flink: "CheckpointCoordinator" },
  context: ({ input }) => ({
    nextCheckpointId: input.firstCheckpointId,
    tolerableFailures: input.tolerableFailures,
    consecutiveFailures: 0,
    pipelines: input.pipelines.map(({ id, parallelism }) => ({
      id,
      subtasks: Array.from({ length: parallelism }, () => NEVER_SEEN),
    })),
    pending: undefined,
  }),
  initial: "waitingForTasks",
  on: {
    // News of an older attempt is part of the protocol, as are late answers about a checkpoint.
    SubtaskRunning: [{ guard: "isNewAttempt", actions: [...RUNNING] }, IGNORE],
    SubtaskFinished: [
      { guard: "endsAttempt", actions: [...FINISHED] },
      // It has committed what its final state held.
      { guard: "isFinishedAttempt", actions: "keepFinalState" },
      IGNORE,
    ],
    SubtaskGone: [{ guard: "endsAttempt", actions: [...GONE] }, IGNORE],
    CoordinatorReplaced: { actions: [...REPLACED] },
    Suspend: { target: ".suspended" },
    Close: { target: ".stopped" },
    CoordinatorAcknowledged: IGNORE,
    CoordinatorDeclined: IGNORE,
    SubtaskAcknowledged: IGNORE,
    SubtaskDeclined: IGNORE,
    TimedOut: IGNORE,
    Stored: { actions: "discardLateCheckpoint" },
    StoreFailed: IGNORE,
    CloseTimedOut: IGNORE,
    Resume: IGNORE,
    "*": { actions: "unexpectedEvent" },
  },
  states: {
    waitingForTasks: {
      description: "Not every subtask runs or has finished; nothing can be triggered",
      meta: { flink: "CheckpointFailureReason.NOT_ALL_REQUIRED_TASKS_RUNNING" },
      always: { guard: "allTasksRunning", target: "running" },
    },
    running: {
      description: "All subtasks run or have finished; the periodic schedule is on",
      meta: { flink: "CheckpointCoordinator.startCheckpointScheduler" },
      entry: "startScheduler",
      exit: "stopScheduler",
      initial: "idle",
      states: {
        idle: {
          description: "No checkpoint is being taken",
          meta: { flink: "CheckpointRequestDecider.chooseRequestToExecute" },
          always: { guard: not("allTasksRunning"), target: "#checkpoint.waitingForTasks" },
          on: {
            TriggerRequested: {
              target: "snapshottingCoordinators",
              actions: ["beginPending", "triggerCheckpoint"],
            },
          },
        },
        snapshottingCoordinators: {
          description:
            "A source coordinator has still to snapshot its enumerator; subtasks of other pipelines may acknowledge",
          meta: {
            flink: "OperatorCoordinatorCheckpoints.triggerAndAcknowledgeAllCoordinatorCheckpoints",
          },
          always: { guard: "noCoordinatorAwaited", target: "snapshottingSubtasks" },
          on: {
            ...COLLECTING,
            CoordinatorAcknowledged: {
              guard: "isAwaitedCoordinator",
              actions: ["keepState", "acknowledgeCoordinator"],
            },
          },
        },
        snapshottingSubtasks: {
          description:
            "Every enumerator is in; subtasks that have not finished have still to acknowledge",
          meta: { flink: "PendingCheckpoint.acknowledgeTask" },
          always: {
            guard: "noSubtaskAwaited",
            target: "storing",
            actions: "storeCheckpoint",
          },
          on: { ...COLLECTING },
        },
        storing: {
          description:
            "All have acknowledged and the storage writes; a subtask that goes now changes nothing about the cut",
          meta: { flink: "CheckpointCoordinator.completePendingCheckpoint" },
          on: {
            Stored: [
              { guard: "stopsJob", target: "#checkpoint.suspended", actions: [...COMPLETE] },
              { guard: "concernsPending", target: "idle", actions: [...COMPLETE] },
            ],
            StoreFailed: FAILURE,
            TimedOut: FAILURE,
            Suspend: { target: "#checkpoint.suspending" },
            Close: { target: "#checkpoint.closing" },
          },
        },
      },
    },
    suspending: {
      description: "The job restarts while a whole checkpoint is still being written",
      meta: { flink: "CheckpointCoordinator.stopCheckpointScheduler" },
      on: {
        Stored: { guard: "concernsPending", target: "suspended", actions: [...COMPLETE] },
        StoreFailed: { guard: "concernsPending", target: "suspended", actions: [...ABORT] },
        TimedOut: { guard: "concernsPending", target: "suspended", actions: [...ABORT] },
        Suspend: IGNORE,
        Resume: { target: "running.storing" },
        Close: { target: "closing" },
      },
    },
    suspended: {
      description:
        "The job restarts or is about to end; nothing is triggered before it says Resume",
      meta: { flink: "CheckpointCoordinator.stopCheckpointScheduler" },
      entry: "confirmSuspended",
      on: {
        Suspend: { actions: "confirmSuspended" },
        Resume: { target: "waitingForTasks" },
      },
    },
    closing: {
      description: "The job has ended while a whole checkpoint is still being written",
      meta: { flink: "CheckpointCoordinator.shutdown" },
      entry: "startCloseTimeout",
      on: {
        Stored: [
          { guard: "concernsPending", target: "stopped", actions: [...COMPLETE] },
          { actions: "discardLateCheckpoint" },
        ],
        StoreFailed: { guard: "concernsPending", target: "stopped", actions: [...ABORT] },
        TimedOut: { guard: "concernsPending", target: "stopped", actions: [...ABORT] },
        CloseTimedOut: { target: "stopped", actions: [...ABORT] },
        Suspend: IGNORE,
        Close: IGNORE,
      },
    },
    stopped: {
      description: "The job has ended",
      meta: { flink: "CheckpointCoordinator.shutdown" },
      entry: ["closeCoordinator", "forgetPending"],
      on: { "*": IGNORE },
    },
  },
});

function isStopping({ pending }: CheckpointContext): boolean {
  return pending?.stop === true;
}

function concernsPending(context: CheckpointContext, event: CheckpointEvent): boolean {
  if (!("checkpointId" in event)) return false;
  if (event.checkpointId !== context.pending?.checkpointId) return false;
  return !("attempt" in event) || isCurrent(context, event);
}

/**
 * As Flink: what fails on the job's side counts for checkpoints only, since a savepoint is somebody's
 * wish and a failover would not help it; what fails in a subtask counts for both.
 */
function countsAsFailure(context: CheckpointContext, event: CheckpointEvent): boolean {
  if (!concernsPending(context, event)) return false;
  return event.type === "SubtaskDeclined" || context.pending?.kind === "CHECKPOINT";
}

function withStatus(
  { pipelines }: CheckpointContext,
  event: CheckpointEvent,
  status: SubtaskStatus,
): Partial<CheckpointContext> {
  return "attempt" in event ? { pipelines: withSubtask(pipelines, event, status) } : {};
}
