import { isDeepStrictEqual } from "node:util";
import {
  type FetcherManagerContext,
  type FetcherManagerEvent,
  fetcherManagerMachine,
} from "../../../../machines/index.js";
import type { SourceReaderContext } from "../../../../src/api/source-reader.js";
import type { SourceSplit } from "../../../../src/api/source-split.js";
import type { RecordsWithSplitIds, SplitReader } from "../../../../src/api/split-reader.js";
import {
  type Actor,
  type ActorContext,
  type ActorEvent,
  address,
  addressBelow,
} from "../../../../src/mailbox/index.js";
import { MetricRegistry } from "../../../../src/metrics/index.js";
import { RecordsBySplits } from "../../../../src/reader/records-by-splits.js";
import { SplitFetcherManager } from "../../../../src/reader/split-fetcher-manager.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import { HandTimers } from "./hand-timers.js";
import { lifecycleOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";
import { Stage } from "./stage.js";

const READER = address("reader");
const addressOf = (fetcher: number): string => addressBelow(READER, `fetcher-${fetcher}`);

/** A manager whose steps can be taken one by one. */
class SteppedManager extends SplitFetcherManager<unknown, SourceSplit> {
  addSplits(): void {}

  /** False: the class itself does not come to that in this state. */
  bringAbout(event: FetcherManagerEvent): boolean {
    switch (event.type) {
      case "FetcherCreated":
        if (this.isOpen) this.createSplitFetcher();
        return this.isOpen;
      case "SendTask":
        if (!this.isOpen || !this.fetchers.some(({ fetcher }) => fetcher === event.fetcher)) {
          return false;
        }
        this.enqueueTask({ type: "Commit" }, event.fetcher);
        return true;
      case "SplitsWaiting":
        this.joinLine([{ splitId: "a" }]);
        return true;
      case "SplitLeftLine":
        // Only what stands in line leaves it.
        if (this.state.waitingSplits === 0) return false;
        this.leaveLine();
        return true;
      case "ShutdownIdleFetchers":
        if (!this.isOpen) return false;
        this.maybeShutdownFinishedFetchers();
        return true;
      case "Close":
        if (!this.isOpen) return false;
        this.close().catch(() => undefined);
        return true;
      case "FetcherReport":
      case "FetcherFailed":
      case "FetcherClosed":
        this.handleEvent(event);
        return true;
      default:
        return false;
    }
  }
}

/** A loop as the subtask's, with nothing in it but the manager. */
class ManagingLoop implements Actor {
  readonly manager: SteppedManager;
  #listener: (event: ActorEvent) => void = () => {};

  constructor(
    context: ActorContext,
    make: (actors: SourceReaderContext["actors"]) => SteppedManager,
    spawn: (address: string, create: (context: ActorContext) => Actor<never>) => void,
  ) {
    this.manager = make({
      self: context.self,
      spawn: (name, create) => {
        const below = addressBelow(context.self, name);
        spawn(below, create as (context: ActorContext) => Actor<never>);
        return below;
      },
      post: (to, event) => context.post(to, event),
      onEvent: (listener) => {
        this.#listener = listener;
      },
    } as SourceReaderContext["actors"]);
  }

  receive(event: ActorEvent): void {
    this.#listener(event);
  }

  onError(error: unknown): void {
    throw error;
  }
}

/**
 * A real manager with real fetchers, whose split readers fetch until they are woken up. What fetchers
 * report waits until it is an event of the test; what they would not report now is made up.
 */
class FetcherManagerSystem {
  readonly #probe = new MachineProbe();
  readonly #timers = new HandTimers();
  readonly #metrics = new MetricRegistry();
  readonly #stage: Stage<ManagingLoop>;
  readonly #posted: string[] = [];
  #isAvailable = false;
  #counted = 0;

  constructor(ports: LifecyclePorts) {
    const make = (actors: SourceReaderContext["actors"]) => {
      const context = {
        metricGroup: this.#metrics.root(),
        processingTime: this.#timers,
        allowUnalignedSourceSplits: false,
        inspect: this.#probe.inspect,
        actors,
      } as unknown as SourceReaderContext;
      const splitReaderFactory = () => new SleepingReader();
      return new SteppedManager({ context, splitReaderFactory, handleTask: () => {} });
    };
    this.#stage = new Stage(
      ports,
      READER,
      (context) =>
        new ManagingLoop(context, make, (below, create) => {
          this.#stage.system.spawn(below, create as never);
        }),
    );
    this.#drain();
  }

  async send(event: FetcherManagerEvent): Promise<void> {
    await this.#stage.turn(() => {
      this.#drain();
      this.#bringAbout(event);
      // Before the fetchers go on and fill the queue.
      this.#isAvailable ||= this.#manager.queue.availability().isDone;
    });
  }

  state() {
    const isAvailable = this.#isAvailable;
    this.#isAvailable = false;
    const { state, context } = this.#probe;
    const counted = Number(this.#metrics.snapshot().unexpectedFetcherEvents ?? 0);
    const unexpected = counted - this.#counted;
    this.#counted = counted;
    const isTold = this.#isTold(context);
    const { broken } = this.#stage;
    const timers = this.#timers.running;
    return { state, context, isTold, isAvailable, timers, unexpected, broken };
  }

  get #manager(): SteppedManager {
    return this.#stage.actor.manager;
  }

  #bringAbout(event: FetcherManagerEvent): void {
    if (event.type === "CloseTimedOut" && this.#timers.fire()) return;
    if (this.#stage.deliverHeld((held) => isDeepStrictEqual(held, event))) return;
    if (!this.#manager.bringAbout(event)) this.#probe.inject(event);
  }

  /** As a reader that has read everything: takes the availability back. */
  #drain(): void {
    const { queue } = this.#manager;
    for (let batch = queue.poll(); batch !== null; batch = queue.poll()) batch.recycle?.();
  }

  /** Each fetcher has been sent its tasks, and those that are to end know it. */
  #isTold({ fetchers, shuttingDown }: FetcherManagerContext): boolean {
    for (const { to, event } of this.#stage.takeSent()) this.#posted.push(`${to} ${event.type}`);
    const count = (to: string, type: string): number =>
      this.#posted.filter((one) => one === `${to} ${type}`).length;
    return (
      fetchers.every(
        (view) =>
          count(view.address, "RunTask") === view.tasksSent &&
          count(view.address, "ShutdownFetcher") === 0,
      ) && shuttingDown.every((one) => count(one.address, "ShutdownFetcher") > 0)
    );
  }
}

/** Fetches nothing until it is woken up. */
class SleepingReader implements SplitReader<unknown, SourceSplit> {
  #wake: () => void = () => {};

  fetch(): Promise<RecordsWithSplitIds<unknown>> {
    return new Promise((resolve) => {
      this.#wake = () => resolve(new RecordsBySplits(new Map()));
    });
  }

  handleSplitsChanges(): void {}

  pauseOrResumeSplits(): void {}

  wakeUp(): void {
    this.#wake();
  }

  close(): void {}
}

const error = { name: "Error", message: "test" };

/** Two fetchers, two tasks, one split in line and one error show all there is to see. */
function alphabet(context: FetcherManagerContext): FetcherManagerEvent[] {
  const { fetchers, waitingSplits, errors } = context;
  const events: FetcherManagerEvent[] = [
    { type: "Typo" } as never,
    { type: "SplitLeftLine" },
    { type: "ShutdownIdleFetchers" },
    { type: "Close" },
    { type: "CloseTimedOut" },
  ];
  for (const next of [0, 1]) {
    events.push({ type: "FetcherCreated", fetcher: next, address: addressOf(next) });
  }
  if (waitingSplits === 0) events.push({ type: "SplitsWaiting", count: 1 });
  events.push({ type: "FetcherClosed", fetcher: 1 });
  const fetcher = 0;
  {
    const view = fetchers.find((one) => one.fetcher === fetcher);
    const tasksDone = view?.tasksSent ?? 0;
    for (const idle of [true, false]) {
      events.push({ type: "FetcherReport", fetcher, endedSplits: [], tasksDone, idle });
    }
    events.push(
      { type: "FetcherClosed", fetcher },
      { type: "PauseFetcher", fetcher },
      { type: "ResumeFetcher", fetcher },
    );
    if (errors.length === 0) events.push({ type: "FetcherFailed", fetcher, error });
    // The class sends nothing to a fetcher that it does not know.
    const task = { type: "RunTask", task: { type: "Commit" } } as const;
    if (tasksDone === 0) events.push({ type: "SendTask", fetcher, task });
  }
  return events;
}

const NOTIFIES: ReadonlySet<string> = new Set(["notifyAvailable"]);

export const fetcherManager = lifecycleOf(
  fetcherManagerMachine,
  { create: (ports) => new FetcherManagerSystem(ports) },
  {
    events: ({ context }) => alphabet(context),
    exclude: [
      {
        event: "FetcherCreated",
        when: (event, { context }) =>
          event.type === "FetcherCreated" && event.fetcher !== context.fetchersCreated,
        reason: "the manager numbers its fetchers in their order",
      },
      ...(["FetcherFailed", "FetcherClosed"] as const).map((event) => ({
        event,
        branch: 0,
        state: "",
        reason: "every state has its own answer",
      })),
    ],
    expected: ({ state, context, effects }) => ({
      state,
      context,
      isTold: true,
      isAvailable: effects.some((effect) => NOTIFIES.has(effect)),
      timers: state === "Closing" ? 1 : 0,
      unexpected: effects.filter((effect) => effect === "unexpectedEvent").length,
      broken: undefined,
    }),
    interleavings: {},
  },
);
