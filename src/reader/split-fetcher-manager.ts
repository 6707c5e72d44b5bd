import * as v from "valibot";
import type {
  CustomTask,
  FetcherCommand,
  FetcherEvent,
  FetcherTask,
} from "../../machines/fetcher-event.js";
import {
  type FetcherManagerContext,
  type FetcherView,
  fetcherManagerMachine,
  isIdle,
} from "../../machines/fetcher-manager.machine.js";
import type { SourceReaderContext } from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import type { RecordsWithSplitIds, SplitReader } from "../api/split-reader.js";
import type { DurationInput } from "../api/watermark.js";
import { fromErrorInfo, HeadwaterError, illegalState } from "../errors/index.js";
import type { ActorEvent } from "../mailbox/envelope.js";
import { type MachineActions, MachineHost } from "../mailbox/machine-host.js";
import type { Cancel } from "../mailbox/ports.js";
import { duration, parseOptions, wholeNumber } from "../options/parse-options.js";
import { DEFAULT_ELEMENT_QUEUE_CAPACITY, ElementQueue } from "./element-queue.js";
import { SplitFetcher, type TaskHandler } from "./split-fetcher.js";
import { SplitOwnership } from "./split-ownership.js";

/** What every fetcher manager takes; see the managers for what each adds. */
export interface SplitFetcherManagerOptions<E, SplitT extends SourceSplit> {
  readonly context: SourceReaderContext;
  /** Called once for each fetcher, in the operator's loop. */
  readonly splitReaderFactory: () => SplitReader<E, SplitT>;
  /** Batches between the fetchers and the reader; default 2 (`source.reader.element.queue.capacity`). */
  readonly elementQueueCapacity?: number;
  /** How long `close` waits for fetchers; default 30 s (`source.reader.close.timeout`). */
  readonly closeTimeout?: DurationInput;
  /** Runs what `enqueueTask` sends, in the fetcher's loop. */
  readonly handleTask?: TaskHandler<E, SplitT>;
}

/** The entries of the schema of `SplitFetcherManagerOptions`, for managers with more options. */
export const fetcherManagerEntries = {
  context: v.custom<SourceReaderContext>((value) => typeof value === "object" && value !== null),
  splitReaderFactory: v.function(),
  elementQueueCapacity: v.optional(wholeNumber(1), DEFAULT_ELEMENT_QUEUE_CAPACITY),
  closeTimeout: v.optional(duration(), 30_000),
  handleTask: v.optional(v.function()),
};

type FetcherReport = Extract<FetcherEvent, { readonly type: "FetcherReport" }>;

const FETCHER_EVENTS: ReadonlySet<string> = new Set<FetcherEvent["type"]>([
  "FetcherReport",
  "FetcherFailed",
  "FetcherClosed",
]);

/**
 * Starts split fetchers, gives them splits and ends them (Flink `SplitFetcherManager`); a subclass
 * says which fetcher gets which split.
 *
 * Owns: the element queue and its view of each fetcher. Called by: the reader, in the operator's
 * loop; hears from fetchers through `context.actors.onEvent`, which it takes for itself.
 * Invariants: no fetcher's state is read; a fetcher counts as idle only when its last report covers
 * every task that was sent to it, so a split on its way is never overlooked.
 */
export abstract class SplitFetcherManager<E, SplitT extends SourceSplit> {
  readonly queue: ElementQueue<RecordsWithSplitIds<E>>;
  readonly #options: SplitFetcherManagerOptions<E, SplitT>;
  readonly #closeTimeout: number;
  readonly #machine: MachineHost<typeof fetcherManagerMachine>;
  protected readonly ownership = new SplitOwnership();
  #closing: Promise<void> | undefined;
  #onClosed: (() => void) | undefined;
  #cancelCloseTimer: Cancel | undefined;

  /** `parsed`: what a subclass with a schema of its own has checked already. */
  constructor(
    options: SplitFetcherManagerOptions<E, SplitT>,
    parsed: { readonly elementQueueCapacity: number; readonly closeTimeout: number } = parseOptions(
      "fetcherManager",
      v.strictObject(fetcherManagerEntries),
      options,
    ),
  ) {
    this.#options = options;
    this.#closeTimeout = parsed.closeTimeout;
    this.queue = new ElementQueue(parsed.elementQueueCapacity, options.context.processingTime);
    this.#machine = new MachineHost(fetcherManagerMachine, {
      actions: this.#actions(),
      id: `${options.context.actors.self}/fetcher-manager`,
      inspect: options.context.inspect,
    });
    options.context.actors.onEvent((event) => this.handleEvent(event));
    const { metricGroup } = options.context;
    metricGroup.gauge("numFetchers", () => this.state.fetchers.length);
    metricGroup.gauge("numFetchersShuttingDown", () => this.state.shuttingDown.length);
    metricGroup.gauge("numWaitingSplits", () => this.state.waitingSplits);
    metricGroup.gauge("elementQueueSize", () => this.queue.size);
  }

  /** Gives the splits to a fetcher, now or later; throws ILLEGAL_STATE after `close`. */
  abstract addSplits(splits: readonly SplitT[]): void;

  /** Ends splits before their end; the split reader says in a later batch that they are finished. */
  removeSplits(splits: readonly SplitT[]): void {
    for (const view of this.fetchers) {
      const owned = splits.filter((split) => this.ownership.isOwnedBy(split.splitId, view.fetcher));
      if (owned.length > 0) this.#send(view.fetcher, { type: "RemoveSplits", splits: owned });
    }
  }

  /**
   * Pauses and resumes splits wherever they are: being read, on their way to a fetcher, or in line.
   *
   * A split reader that cannot pause makes `checkErrors` throw, unless unaligned splits are allowed.
   */
  pauseOrResumeSplits(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    this.ownership.pause(splitsToPause);
    this.ownership.resume(splitsToResume);
    for (const view of this.fetchers) {
      const isOwned = (splitId: string): boolean => this.ownership.isOwnedBy(splitId, view.fetcher);
      const toPause = splitsToPause.filter(isOwned);
      const toResume = splitsToResume.filter(isOwned);
      if (toPause.length === 0 && toResume.length === 0) continue;
      this.#send(view.fetcher, {
        type: "PauseOrResumeSplits",
        splitsToPause: toPause,
        splitsToResume: toResume,
      });
    }
    this.onFetchersChanged();
  }

  /**
   * Sends work such as an offset commit to a fetcher, by default the oldest one, which is created
   * when there is none; it runs between two fetches and does not wake the fetch up.
   */
  enqueueTask(task: CustomTask, fetcher?: number): void {
    const target = fetcher ?? this.runningFetcher() ?? this.createSplitFetcher();
    this.#send(target, { type: "RunTask", task });
  }

  /** Stops a fetcher between two steps; its tasks wait. */
  pauseFetcher(fetcher: number): void {
    this.#machine.send({ type: "PauseFetcher", fetcher });
  }

  resumeFetcher(fetcher: number): void {
    this.#machine.send({ type: "ResumeFetcher", fetcher });
  }

  /** Ends idle fetchers; true when no fetcher is left and no split waits for one. */
  maybeShutdownFinishedFetchers(): boolean {
    if (this.fetchers.some(isIdle)) this.#machine.send({ type: "ShutdownIdleFetchers" });
    const { fetchers, waitingSplits } = this.state;
    return fetchers.length === 0 && waitingSplits === 0;
  }

  /** Throws FETCHER_FAILED with the first error as cause and the later ones as `suppressed`. */
  checkErrors(): void {
    const [first, ...later] = this.state.errors;
    if (first === undefined) return;
    throw new HeadwaterError("FETCHER_FAILED", "One or more fetchers have encountered exception", {
      domain: first.domain ?? "external",
      retry: first.retry ?? "backoff",
      scope: "reader",
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      cause: fromErrorInfo(first),
      suppressed: later.map(fromErrorInfo),
    });
  }

  /** The splits that the fetcher has taken and not ended, as of its last report. */
  splitsOf({ fetcher, tasksDone }: FetcherView): readonly string[] {
    return this.ownership.splitsOf(fetcher, tasksDone);
  }

  /** The fetchers that are neither closed nor told to end. */
  get numAliveFetchers(): number {
    return this.fetchers.length;
  }

  /** What the manager knows of each alive fetcher, oldest first. */
  get fetchers(): readonly FetcherView[] {
    return this.state.fetchers;
  }

  /**
   * Ends all fetchers without waiting for the reader, recycling what lies in the queue.
   *
   * Resolves when all have closed their split readers; rejects with FETCHER_FAILED when one failed
   * to close or the close timeout is over.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve, reject) => {
      const errorsBefore = this.state.errors.length;
      const settle = (): void => {
        const error = this.#closeError(errorsBefore);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#onClosed = settle;
      this.#machine.send({ type: "Close" });
      if (this.#machine.snapshot.matches("Closed")) this.#closed();
    });
    return this.#closing;
  }

  /** Takes an event that a fetcher posted to the subtask; others are not for the manager. */
  handleEvent(event: ActorEvent): void {
    if (!FETCHER_EVENTS.has(event.type)) return;
    if (event.type === "FetcherReport") {
      const { endedSplits, fetcher, tasksDone } = event as FetcherReport;
      this.ownership.end(endedSplits, fetcher, tasksDone);
    }
    const wasOpen = this.isOpen;
    this.#machine.send(event as FetcherEvent);
    if (wasOpen) this.onFetchersChanged();
    else if (this.#machine.snapshot.matches("Closed")) this.#closed();
  }

  protected get context(): SourceReaderContext {
    return this.#options.context;
  }

  protected get state(): FetcherManagerContext {
    return this.#machine.snapshot.context;
  }

  protected get isOpen(): boolean {
    return this.#machine.snapshot.matches("Open");
  }

  /** Called after a report, an end or a pause: waiting splits may go to a fetcher now. */
  protected onFetchersChanged(): void {}

  /** The oldest alive fetcher. */
  protected runningFetcher(): number | undefined {
    return this.fetchers[0]?.fetcher;
  }

  /** Starts a fetcher with its own split reader and says its id; throws ILLEGAL_STATE after `close`. */
  protected createSplitFetcher(): number {
    if (!this.isOpen) throw illegalState("The split fetcher manager has closed.");
    const { context, splitReaderFactory, handleTask } = this.#options;
    const fetcher = this.state.fetchersCreated;
    const splitReader = splitReaderFactory();
    const address = context.actors.spawn(
      `fetcher-${fetcher}`,
      (actor) =>
        new SplitFetcher(actor, {
          id: fetcher,
          manager: context.actors.self,
          queue: this.queue,
          splitReader,
          allowUnalignedSourceSplits: context.allowUnalignedSourceSplits,
          handleTask,
          inspect: context.inspect,
        }),
    );
    this.#machine.send({ type: "FetcherCreated", fetcher, address });
    return fetcher;
  }

  /** Sends splits to an alive fetcher. */
  protected sendSplits(fetcher: number, splits: readonly SplitT[]): void {
    this.#send(fetcher, { type: "AddSplits", splits });
  }

  protected joinLine(splits: readonly SplitT[]): void {
    this.ownership.joinLine(splits.map((split) => split.splitId));
    this.#machine.send({ type: "SplitsWaiting", count: splits.length });
  }

  protected leaveLine(): void {
    this.#machine.send({ type: "SplitLeftLine" });
  }

  #send(fetcher: number, task: FetcherTask): void {
    if (!this.isOpen) throw illegalState("The split fetcher manager has closed.");
    if (!this.fetchers.some((view) => view.fetcher === fetcher)) {
      throw illegalState(`there is no split fetcher ${fetcher} for ${task.type}`);
    }
    this.#machine.send({ type: "SendTask", fetcher, task });
    if (task.type !== "AddSplits") return;
    const sequence = this.fetchers.find((view) => view.fetcher === fetcher)?.tasksSent ?? 0;
    const splitIds = task.splits.map((split) => split.splitId);
    this.ownership.send(splitIds, fetcher, sequence);
  }

  #closed(): void {
    const onClosed = this.#onClosed;
    this.#onClosed = undefined;
    onClosed?.();
  }

  #closeError(errorsBefore: number): HeadwaterError | undefined {
    const { errors, shuttingDown, timedOut } = this.state;
    const closeErrors = errors.slice(errorsBefore).map(fromErrorInfo);
    if (!timedOut && closeErrors.length === 0) return undefined;
    const message = timedOut
      ? `${shuttingDown.length} split fetchers did not end within ${this.#closeTimeout} ms`
      : "a split fetcher failed while it was closed";
    return new HeadwaterError("FETCHER_FAILED", message, {
      domain: "external",
      retry: "never",
      scope: "reader",
      ...(timedOut
        ? { hint: "SplitReader.wakeUp has to end a waiting fetch, and close has to end by itself." }
        : {}),
      cause: closeErrors[0],
      suppressed: closeErrors.slice(1),
    });
  }

  #drainQueue(): void {
    for (let batch = this.queue.poll(); batch !== null; batch = this.queue.poll()) {
      batch.recycle?.();
    }
  }

  #actions(): MachineActions<typeof fetcherManagerMachine> {
    const { actors, metricGroup, processingTime } = this.#options.context;
    return {
      postTask: ({ context, event }) => {
        if (event.type !== "SendTask") return;
        const view = context.fetchers.find((one) => one.fetcher === event.fetcher);
        if (view === undefined) return;
        const command: FetcherCommand = { ...event.task, sequence: view.tasksSent };
        actors.post(view.address, command);
      },
      postPauseOrResume: ({ context, event }) => {
        if (event.type !== "PauseFetcher" && event.type !== "ResumeFetcher") return;
        const view = context.fetchers.find((one) => one.fetcher === event.fetcher);
        if (view !== undefined) actors.post(view.address, { type: event.type });
      },
      shutdownIdle: ({ context }) => {
        for (const view of context.fetchers.filter(isIdle)) {
          post(view.address, true);
        }
      },
      shutdownAll: ({ context }) => {
        for (const { address } of context.shuttingDown) post(address, false);
      },
      startCloseTimer: () => {
        this.#cancelCloseTimer = processingTime.registerTimer(this.#closeTimeout, () => {
          this.#machine.send({ type: "CloseTimedOut" });
          this.#closed();
        });
      },
      stopCloseTimer: () => this.#cancelCloseTimer?.(),
      drainQueue: () => this.#drainQueue(),
      notifyAvailable: () => this.queue.notifyAvailable(),
      unexpectedEvent: () => metricGroup.counter("unexpectedFetcherEvents").inc(),
    };

    function post(address: string, waitForRecords: boolean): void {
      const command: FetcherCommand = { type: "ShutdownFetcher", waitForRecords };
      actors.post(address, command);
    }
  }
}
