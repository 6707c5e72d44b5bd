import {
  type SplitFetcherContext,
  type SplitFetcherEvent,
  splitFetcherMachine,
} from "../../../../machines/index.js";
import type { SourceSplit } from "../../../../src/api/source-split.js";
import type { RecordsWithSplitIds, SplitReader } from "../../../../src/api/split-reader.js";
import type { ActorEvent } from "../../../../src/mailbox/index.js";
import { ElementQueue } from "../../../../src/reader/element-queue.js";
import { SplitFetcher } from "../../../../src/reader/split-fetcher.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import { lifecycleOf, wordsOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";
import { Stage } from "./stage.js";

type Batch = RecordsWithSplitIds<unknown>;
const SELF = "reader/fetcher-0";
const WORDS = {
  fetch: "fetch",
  wakeUpSplitReader: "wake up",
  closeSplitReader: "close",
  report: "FetcherReport",
  reportFailure: "FetcherFailed",
  unexpectedEvent: "FetcherFailed",
  reportClosed: "FetcherClosed",
  handOver: "hand over",
  handOverLast: "hand over",
  wakeUpPutter: "wake up putter",
};

/** A promise that is settled by hand. */
interface Open<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A queue of one place whose put ends by hand. */
class HandQueue extends ElementQueue<Batch> {
  readonly #seen: string[];
  #onDone: ((accepted: boolean) => void) | undefined;
  readonly batches: Batch[] = [];

  constructor(seen: string[]) {
    super(1);
    this.#seen = seen;
  }

  override put(_: number, batch: Batch, onDone: (accepted: boolean) => void): void {
    this.#seen.push("hand over");
    this.batches.push(batch);
    this.#onDone = onDone;
  }

  override wakeUpPutter(): void {
    this.#seen.push("wake up putter");
  }

  end(accepted: boolean): boolean {
    const onDone = this.#onDone;
    this.#onDone = undefined;
    onDone?.(accepted);
    return onDone !== undefined;
  }
}

/**
 * A real fetcher whose split reader, queue and turns go by hand. The queue too, since a real one
 * decides by itself whether it accepts: an acceptance that a task has overtaken could not be brought
 * about. Fetchers with real queues are in the system of the fetcher manager.
 */
class SplitFetcherSystem {
  readonly #probe = new MachineProbe();
  readonly #stage: Stage<SplitFetcher<unknown, SourceSplit>>;
  readonly #seen: string[] = [];
  readonly #queue = new HandQueue(this.#seen);
  #fetch: Open<Batch> | undefined;
  #task: Open<void> | undefined;
  #close: Open<void> | undefined;
  /** Told by the next batch that is accepted. */
  readonly #finished = new Set<string>();

  constructor(ports: LifecyclePorts) {
    const open = <T>(keep: (open: Open<T>) => void): Promise<T> =>
      ports.gate(new Promise<T>((resolve, reject) => keep({ resolve, reject })));
    const splitReader = {
      fetch: () => {
        this.#seen.push("fetch");
        return open<Batch>((one) => {
          this.#fetch = one;
        });
      },
      handleSplitsChanges: () =>
        open<void>((one) => {
          this.#task = one;
        }),
      pauseOrResumeSplits: () => {},
      wakeUp: () => void this.#seen.push("wake up"),
      close: () => {
        this.#seen.push("close");
        return open<void>((one) => {
          this.#close = one;
        });
      },
    } satisfies SplitReader<unknown, SourceSplit>;
    const options = {
      id: 0,
      manager: "reader",
      queue: this.#queue,
      splitReader,
      allowUnalignedSourceSplits: false,
      handleTask: () =>
        open<void>((one) => {
          this.#task = one;
        }),
      inspect: this.#probe.inspect,
    };
    this.#stage = new Stage(ports, SELF, (context) => new SplitFetcher(context, options));
  }

  async send(event: SplitFetcherEvent): Promise<void> {
    if (ANSWERS.has(event.type)) await this.#stage.answer(() => this.#answer(event));
    else await this.#stage.turn(() => this.#stage.receive(event));
  }

  /** What the fetcher then posts to itself comes now; where it does not, an old one comes late. */
  async #answer(event: SplitFetcherEvent): Promise<void> {
    const isIt = (own: ActorEvent): boolean =>
      own.type === event.type &&
      (!("step" in event) || (own as { step?: number }).step === event.step);
    const comes = await this.#stage.turn(() => {
      const { step } = this.#probe.context as SplitFetcherContext;
      return (!("step" in event) || event.step === step) && this.#bringAbout(event);
    });
    const hasCome = comes
      ? await this.#stage.letThrough(event.type, isIt)
      : await this.#stage.turn(() => this.#stage.deliverHeld(isIt));
    if (!hasCome) await this.#stage.turn(() => this.#stage.receive(event));
  }

  state() {
    const { state, context } = this.#probe;
    const sent = this.#stage.takeSent().map(({ event }) => event.type);
    const { isStopped, broken } = this.#stage;
    const seen = [...this.#seen.splice(0), ...sent].sort();
    return { state, context, seen, isStopped, broken };
  }

  /** True: the fetcher will post to itself what the event says. */
  #bringAbout(event: SplitFetcherEvent): boolean {
    const { state, context } = this.#probe;
    switch (event.type) {
      case "FetchCompleted": {
        const fetch = this.#fetch;
        this.#fetch = undefined;
        fetch?.resolve(this.#batch());
        return fetch !== undefined;
      }
      case "TaskCompleted": {
        const task = this.#task;
        this.#task = undefined;
        task?.resolve();
        return task !== undefined;
      }
      case "StepFailed": {
        const step = state === "Running.fetching" ? this.#fetch : this.#task;
        this.#fetch = undefined;
        this.#task = undefined;
        step?.reject(new Error("test"));
        return step !== undefined;
      }
      case "BatchAccepted": {
        if (state !== "Running.handingOver") return false;
        if (event.assignedSplits < context.assignedSplits) this.#finished.add("a");
        const isAccepted = this.#queue.end(true);
        this.#finished.clear();
        return isAccepted;
      }
      case "BatchRefused":
        return state === "Running.handingOver" && this.#queue.end(false);
      case "RecordsProcessed":
        if (state !== "Closing.awaitingRecords") return false;
        this.#queue.batches.at(-1)?.recycle?.();
        return true;
      case "ReaderClosed":
      case "ReaderCloseFailed": {
        const close = this.#close;
        this.#close = undefined;
        if (event.type === "ReaderClosed") close?.resolve();
        else close?.reject(new Error("test"));
        return close !== undefined;
      }
      default:
        return false;
    }
  }

  #batch(): Batch {
    return {
      nextSplit: () => null,
      nextRecordFromSplit: () => null,
      finishedSplits: () => this.#finished,
    } as Batch;
  }
}

const error = { name: "Error", message: "test" };
const split = (splitId: string) => ({ splitId });
/** What the fetcher posts to itself. */
const ANSWERS: ReadonlySet<string> = new Set<SplitFetcherEvent["type"]>([
  "Turn",
  "FetchCompleted",
  "TaskCompleted",
  "StepFailed",
  "BatchAccepted",
  "BatchRefused",
  "RecordsProcessed",
  "ReaderClosed",
  "ReaderCloseFailed",
]);
/** How many splits there are when the oldest task is done. */
function splitsAfter({ assignedSplits, tasks }: SplitFetcherContext): number {
  if (tasks[0]?.type === "AddSplits") return 1;
  return tasks[0]?.type === "RemoveSplits" ? 0 : assignedSplits;
}

function alphabet(context: SplitFetcherContext): SplitFetcherEvent[] {
  const { step, assignedSplits, hasBatch, tasks, tasksDone } = context;
  const sequence = tasksDone + tasks.length + 1;
  const events: SplitFetcherEvent[] = [
    { type: "Typo" } as never,
    { type: "PauseFetcher" },
    { type: "ResumeFetcher" },
    { type: "ShutdownFetcher", waitForRecords: true },
    { type: "ShutdownFetcher", waitForRecords: false },
    { type: "RecordsProcessed" },
    { type: "ReaderClosed" },
    { type: "ReaderCloseFailed", error },
  ];
  for (const at of [step, step - 1]) {
    events.push(
      { type: "Turn", step: at },
      { type: "FetchCompleted", step: at },
      { type: "BatchAccepted", step: at, assignedSplits },
      { type: "BatchRefused", step: at },
      { type: "TaskCompleted", step: at, assignedSplits: splitsAfter(context) },
      { type: "StepFailed", step: at, error },
    );
    // A batch can end splits only when there are some.
    if (hasBatch && assignedSplits > 0) {
      events.push({ type: "BatchAccepted", step: at, assignedSplits: assignedSplits - 1 });
    }
  }
  if (tasks.length > 0) return events;
  events.push(
    { type: "AddSplits", sequence, splits: [split("a")] },
    { type: "RemoveSplits", sequence, splits: [split("a")] },
    { type: "RunTask", sequence, task: { type: "Commit" } },
    { type: "PauseOrResumeSplits", sequence, splitsToPause: ["a"], splitsToResume: [] },
  );
  return events;
}

export const splitFetcher = lifecycleOf(
  splitFetcherMachine,
  { create: (ports) => new SplitFetcherSystem(ports) },
  {
    events: ({ context }) => alphabet(context),
    // Steps and tasks are counted without end.
    serializeState: ({ value, context }) => {
      const { step: _step, tasksDone: _done, tasks, ...rest } = context;
      return JSON.stringify([value, rest, tasks.map(({ type }) => type)]);
    },
    expected: ({ state, context, effects }) => ({
      state,
      context,
      seen: wordsOf(effects, WORDS).sort(),
      isStopped: state === "Closed",
      broken: undefined,
    }),
    exclude: [
      {
        state: "Running.nextTask",
        event: "Turn",
        branch: 4,
        reason: "a turn is asked for only when there is something to do",
      },
    ],
    interleavings: {},
  },
);
