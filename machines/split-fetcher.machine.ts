import { assertEvent, assign, setup } from "xstate";
import type { FetcherTask, SplitFetcherEvent } from "./fetcher-event.js";

/** A task that waits or runs; its payload stays with the actor. */
export interface QueuedTask {
  readonly sequence: number;
  readonly type: FetcherTask["type"];
}

export interface SplitFetcherContext {
  /** How many; which ones is the actor's to know, for there may be ten thousand. */
  readonly assignedSplits: number;
  readonly tasks: readonly QueuedTask[];
  /** The number of the last task that is done. */
  readonly tasksDone: number;
  /** Counts the steps of the loop. */
  readonly step: number;
  /** A fetched batch has not been handed over yet; it goes before the next fetch. */
  readonly hasBatch: boolean;
  /** This step ends without handing over. */
  readonly wokenUp: boolean;
  /** Paused as soon as this step has ended. */
  readonly pausing: boolean;
  readonly shutdown: "NO" | "AFTER_RECORDS" | "NOW";
}

/** Nothing is assigned, queued or left to hand over (Flink `SplitFetcher.isIdle`). */
export function hasNothingToDo(context: SplitFetcherContext): boolean {
  return context.assignedSplits === 0 && context.tasks.length === 0 && !context.hasBatch;
}

function queued(event: SplitFetcherEvent): QueuedTask | undefined {
  switch (event.type) {
    case "AddSplits":
    case "RemoveSplits":
    case "PauseOrResumeSplits":
    case "RunTask":
      return { sequence: event.sequence, type: event.type };
    default:
      return undefined;
  }
}

const definition = setup({
  types: {
    context: {} as SplitFetcherContext,
    events: {} as SplitFetcherEvent,
  },
  actions: {
    enqueueTask: assign({
      tasks: ({ context: { tasks }, event }) => {
        const task = queued(event);
        return task === undefined ? tasks : [...tasks, task];
      },
    }),
    nextStep: assign({ step: ({ context }) => context.step + 1, wokenUp: false }),
    finishTask: assign(({ context: { tasks, tasksDone }, event }) => {
      assertEvent(event, "TaskCompleted");
      const { assignedSplits } = event;
      return { assignedSplits, tasks: tasks.slice(1), tasksDone: tasks[0]?.sequence ?? tasksDone };
    }),
    holdBatch: assign({ hasBatch: true }),
    releaseBatch: assign(({ event }) => {
      assertEvent(event, "BatchAccepted");
      return { hasBatch: false, assignedSplits: event.assignedSplits };
    }),
    markWokenUp: assign({ wokenUp: true }),
    setPausing: assign({ pausing: ({ event }) => event.type === "PauseFetcher" }),
    setShutdown: assign(({ context: { shutdown }, event }) => {
      assertEvent(event, "ShutdownFetcher");
      const isNow = !event.waitForRecords || shutdown === "NOW";
      return { pausing: false, shutdown: isNow ? ("NOW" as const) : ("AFTER_RECORDS" as const) };
    }),
    /** Keeps the task's splits or payload. */
    keepTask: () => {},
    /** Posts Turn to the fetcher itself. */
    requestTurn: () => {},
    fetch: () => {},
    handOver: () => {},
    runTask: () => {},
    wakeUpSplitReader: () => {},
    wakeUpPutter: () => {},
    /** Puts an empty batch whose recycling says that all before it has been read. */
    handOverLast: () => {},
    closeSplitReader: () => {},
    /** Tells the manager what has ended and is done. */
    report: () => {},
    reportFailure: () => {},
    reportClosed: () => {},
    unexpectedEvent: () => {},
  },
  guards: {
    isThisStep: ({ context, event }) => "step" in event && event.step === context.step,
    isWokenUp: ({ context, event }) =>
      context.wokenUp && "step" in event && event.step === context.step,
    changesAssignment: ({ context, event }) =>
      event.type === "BatchAccepted" &&
      event.step === context.step &&
      (event.assignedSplits !== context.assignedSplits || event.assignedSplits === 0),
    isPausing: ({ context }) => context.pausing,
    isShutDown: ({ context, event }) =>
      context.shutdown !== "NO" && (!("step" in event) || event.step === context.step),
    isShutDownNow: ({ context }) => context.shutdown === "NOW",
    mustCloseNow: ({ event }) => event.type === "ShutdownFetcher" && !event.waitForRecords,
    hasTask: ({ context, event }) =>
      context.tasks.length > 0 && "step" in event && event.step === context.step,
    hasBatch: ({ context, event }) =>
      context.hasBatch && "step" in event && event.step === context.step,
    hasSplits: ({ context, event }) =>
      context.assignedSplits > 0 && "step" in event && event.step === context.step,
    mustGoOn: ({ context }) => context.shutdown !== "NO" || !hasNothingToDo(context),
  },
});

const queueTask = { actions: ["enqueueTask", "keepTask"] } as const;
const queueTaskAndRun = {
  target: "#splitFetcher.Running.nextTask",
  actions: ["enqueueTask", "keepTask"],
} as const;
const wakeFetch = {
  actions: ["enqueueTask", "keepTask", "markWokenUp", "wakeUpSplitReader"],
} as const;
const wakeHandOver = {
  actions: ["enqueueTask", "keepTask", "markWokenUp", "wakeUpPutter"],
} as const;
const queueTasks = {
  AddSplits: queueTask,
  RemoveSplits: queueTask,
  PauseOrResumeSplits: queueTask,
  RunTask: queueTask,
} as const;
const stepFailed = [
  { guard: "isShutDown", target: "#splitFetcher.Closing" },
  { guard: "isThisStep", target: "#splitFetcher.Failed", actions: "reportFailure" },
] as const;

/**
 * The loop that drives one split reader (Flink `SplitFetcher`): each step runs one task or one fetch.
 *
 * A task that arrives during a fetch or a hand-over wakes it up, and runs before the next fetch;
 * a batch that was fetched but not handed over stays and goes first.
 */
export const splitFetcherMachine = definition.createMachine({
  id: "splitFetcher",
  description: "The loop that drives one split reader: each step runs one task or one fetch.",
  context: {
    assignedSplits: 0,
    tasks: [],
    tasksDone: 0,
    step: 0,
    hasBatch: false,
    wokenUp: false,
    pausing: false,
    shutdown: "NO",
  },
  initial: "Idle",
  // Results of steps that are over, and commands that no longer change anything.
  on: {
    Turn: {},
    FetchCompleted: {},
    BatchAccepted: {},
    BatchRefused: {},
    TaskCompleted: {},
    StepFailed: {},
    RecordsProcessed: {},
    ReaderClosed: {},
    ReaderCloseFailed: {},
    AddSplits: {},
    RemoveSplits: {},
    PauseOrResumeSplits: {},
    RunTask: {},
    PauseFetcher: {},
    ResumeFetcher: {},
    ShutdownFetcher: {},
    "*": { actions: "unexpectedEvent" },
  },
  states: {
    Idle: {
      description: "Nothing is assigned and no task waits; the next task starts the loop again.",
      meta: { flink: "SplitFetcher.isIdle" },
      on: {
        AddSplits: queueTaskAndRun,
        RemoveSplits: queueTaskAndRun,
        PauseOrResumeSplits: queueTaskAndRun,
        RunTask: queueTaskAndRun,
        PauseFetcher: { target: "Paused", actions: "setPausing" },
        ShutdownFetcher: { target: "Running.nextTask", actions: "setShutdown" },
      },
    },
    Running: {
      description: "The loop runs: one task or one fetch a step.",
      meta: { flink: "SplitFetcher.runOnce" },
      initial: "nextTask",
      on: {
        ...queueTasks,
        PauseFetcher: { actions: "setPausing" },
        ResumeFetcher: { actions: "setPausing" },
        ShutdownFetcher: { actions: "setShutdown" },
      },
      states: {
        nextTask: {
          description: "Between two steps: tasks go first, then a kept batch, then a fetch.",
          meta: { flink: "SplitFetcher.getNextTaskUnsafe" },
          entry: ["nextStep", "requestTurn"],
          on: {
            Turn: [
              { guard: "isShutDown", target: "#splitFetcher.Closing" },
              { guard: "hasTask", target: "runningTask" },
              { guard: "hasBatch", target: "handingOver" },
              { guard: "hasSplits", target: "fetching" },
              { guard: "isThisStep", target: "#splitFetcher.Idle" },
            ],
            PauseFetcher: { target: "#splitFetcher.Paused", actions: "setPausing" },
          },
        },
        fetching: {
          description: "The split reader fetches a batch; tasks and shutdown wake it up.",
          meta: { flink: "FetchTask.run" },
          entry: "fetch",
          on: {
            FetchCompleted: [
              { guard: "isWokenUp", target: "stepEnded", actions: "holdBatch" },
              { guard: "isThisStep", target: "handingOver", actions: "holdBatch" },
            ],
            StepFailed: stepFailed,
            AddSplits: wakeFetch,
            RemoveSplits: wakeFetch,
            PauseOrResumeSplits: wakeFetch,
            ShutdownFetcher: { actions: ["setShutdown", "markWokenUp", "wakeUpSplitReader"] },
          },
        },
        handingOver: {
          description:
            "The batch waits for room in the element queue; tasks and shutdown end that.",
          meta: { flink: "FutureCompletingBlockingQueue.put" },
          entry: "handOver",
          on: {
            BatchAccepted: [
              {
                guard: "changesAssignment",
                target: "stepEnded",
                actions: ["releaseBatch", "report"],
              },
              { guard: "isThisStep", target: "stepEnded", actions: "releaseBatch" },
            ],
            BatchRefused: { guard: "isThisStep", target: "stepEnded" },
            AddSplits: wakeHandOver,
            RemoveSplits: wakeHandOver,
            PauseOrResumeSplits: wakeHandOver,
            ShutdownFetcher: { actions: ["setShutdown", "markWokenUp", "wakeUpPutter"] },
          },
        },
        runningTask: {
          description: "The oldest task runs; it is not interrupted.",
          meta: { flink: "SplitFetcherTask.run" },
          entry: "runTask",
          on: {
            TaskCompleted: {
              guard: "isThisStep",
              target: "stepEnded",
              actions: ["finishTask", "report"],
            },
            StepFailed: stepFailed,
          },
        },
        stepEnded: {
          description: "Decides how to go on.",
          meta: { flink: "SplitFetcher.processTaskResultUnsafe" },
          always: [
            { guard: "isPausing", target: "#splitFetcher.Paused" },
            { guard: "mustGoOn", target: "nextTask" },
            { target: "#splitFetcher.Idle" },
          ],
        },
      },
    },
    Paused: {
      description: "No step is taken until it is resumed or shut down.",
      meta: { flink: "SplitFetcher.pause" },
      on: {
        ...queueTasks,
        ResumeFetcher: { target: "Running.stepEnded", actions: "setPausing" },
        ShutdownFetcher: { target: "Running.nextTask", actions: "setShutdown" },
      },
    },
    Failed: {
      description:
        "An error has ended the loop; the split reader stays open, for the reader may still read its batches.",
      meta: { flink: "SplitFetcher.run (errorHandler, recordsProcessedLatch.await)" },
      on: {
        ShutdownFetcher: { target: "Closing.closingReader", actions: "setShutdown" },
      },
    },
    Closing: {
      description: "The loop has ended; what was handed over may still be in use.",
      meta: { flink: "SplitFetcher.shutdown" },
      initial: "deciding",
      states: {
        deciding: {
          description: "Whether to wait for the reader.",
          meta: { flink: "SplitFetcher.run" },
          always: [
            { guard: "isShutDownNow", target: "closingReader" },
            { target: "awaitingRecords" },
          ],
        },
        awaitingRecords: {
          description: "All that was handed over is to be recycled first.",
          meta: { flink: "SplitFetcher.recordsProcessedLatch" },
          entry: "handOverLast",
          on: {
            RecordsProcessed: { target: "closingReader" },
            ShutdownFetcher: {
              guard: "mustCloseNow",
              target: "closingReader",
              actions: ["setShutdown", "wakeUpPutter"],
            },
          },
        },
        closingReader: {
          description: "The split reader closes its resources.",
          meta: { flink: "SplitReader.close" },
          entry: "closeSplitReader",
          on: {
            ReaderClosed: { target: "#splitFetcher.Closed" },
            ReaderCloseFailed: { target: "#splitFetcher.Closed", actions: "reportFailure" },
          },
        },
      },
    },
    Closed: {
      description: "The fetcher has ended.",
      meta: { flink: "SplitFetcher.run (shutdownHook)" },
      entry: "reportClosed",
      on: { "*": {} },
    },
  },
});
