import type {
  CustomTask,
  FetcherEvent,
  NumberedTask,
  SplitFetcherEvent,
} from "../../machines/fetcher-event.js";
import { hasNothingToDo, splitFetcherMachine } from "../../machines/split-fetcher.machine.js";
import type { SourceSplit } from "../api/source-split.js";
import type { RecordsWithSplitIds, SplitReader } from "../api/split-reader.js";
import { HeadwaterError, nameSplits, toErrorInfo, unsupportedOperation } from "../errors/index.js";
import type { Actor, ActorContext } from "../mailbox/actor.js";
import type { Address } from "../mailbox/address.js";
import {
  type InspectionObserver,
  type MachineActions,
  MachineHost,
} from "../mailbox/machine-host.js";
import type { ElementQueue } from "./element-queue.js";

import { RecordsBySplits } from "./records-by-splits.js";

/** Runs a custom task on the split reader, in the fetcher's loop; the loop waits for a promise. */
export type TaskHandler<E, SplitT extends SourceSplit> = (
  splitReader: SplitReader<E, SplitT>,
  task: CustomTask,
) => void | Promise<void>;

/** What a fetcher is made of. */
export interface SplitFetcherOptions<E, SplitT extends SourceSplit> {
  readonly id: number;
  /** Where reports go: the subtask whose reader the fetcher works for. */
  readonly manager: Address;
  readonly queue: ElementQueue<RecordsWithSplitIds<E>>;
  readonly splitReader: SplitReader<E, SplitT>;
  readonly allowUnalignedSourceSplits: boolean;
  readonly handleTask?: TaskHandler<E, SplitT> | undefined;
  readonly inspect?: InspectionObserver | undefined;
}

/**
 * Drives one split reader (Flink `SplitFetcher`).
 *
 * Owns: the split reader, the splits it was given, payloads of queued tasks and the one batch that
 * is on its way into the queue. Called by: its mailbox; promises and queue callbacks only post.
 * Sends: reports, failures and its end to the manager; batches go into the queue, never an event.
 * Invariants: one call of the split reader at a time (wakeUp excepted); a fetched batch reaches the
 * queue exactly once or is recycled at the end; a result counts only for the step that asked for it.
 */
export class SplitFetcher<E, SplitT extends SourceSplit> implements Actor<SplitFetcherEvent> {
  readonly #id: number;
  readonly #context: ActorContext;
  readonly #manager: Address;
  readonly #queue: ElementQueue<RecordsWithSplitIds<E>>;
  readonly #splitReader: SplitReader<E, SplitT>;
  readonly #allowUnaligned: boolean;
  readonly #handleTask: TaskHandler<E, SplitT> | undefined;
  readonly #splits = new Map<string, SplitT>();
  /** Ended since the last report. */
  #endedSplits: string[] = [];
  readonly #tasks = new Map<number, NumberedTask>();
  readonly #machine: MachineHost<typeof splitFetcherMachine>;
  #batch: RecordsWithSplitIds<E> | undefined;
  #putting = false;
  #ended = false;

  constructor(context: ActorContext, options: SplitFetcherOptions<E, SplitT>) {
    this.#id = options.id;
    this.#context = context;
    this.#manager = options.manager;
    this.#queue = options.queue;
    this.#splitReader = options.splitReader;
    this.#allowUnaligned = options.allowUnalignedSourceSplits;
    this.#handleTask = options.handleTask;
    this.#machine = new MachineHost(splitFetcherMachine, {
      actions: this.#actions(),
      id: context.self,
      inspect: options.inspect,
    });
  }

  receive(event: SplitFetcherEvent): void {
    this.#machine.send(event);
  }

  /** A defect of the fetcher itself: the manager must neither miss it nor wait for this fetcher. */
  onError(error: unknown): void {
    this.#report({
      type: "FetcherFailed",
      fetcher: this.#id,
      error: toErrorInfo(this.#failure("failed", error)),
    });
    try {
      this.#splitReader.wakeUp();
    } catch {
      // The first error says more.
    }
    this.#end();
  }

  #actions(): MachineActions<typeof splitFetcherMachine> {
    return {
      keepTask: ({ event }) => {
        if ("sequence" in event) this.#tasks.set(event.sequence, event);
      },
      requestTurn: ({ context }) => this.#post({ type: "Turn", step: context.step }),
      fetch: ({ context }) => this.#fetch(context.step),
      handOver: ({ context }) => this.#handOver(context.step),
      runTask: ({ context }) => {
        const task = context.tasks[0];
        if (task !== undefined) this.#runTask(context.step, task.sequence);
      },
      wakeUpSplitReader: ({ context }) => {
        try {
          this.#splitReader.wakeUp();
        } catch (error) {
          this.#stepFailed(context.step, "to wake up its split reader", error);
        }
      },
      wakeUpPutter: () => {
        if (this.#putting) this.#queue.wakeUpPutter(this.#id);
      },
      handOverLast: () => this.#handOverLast(),
      closeSplitReader: () => this.#closeSplitReader(),
      report: ({ context }) => {
        const endedSplits = this.#endedSplits;
        this.#endedSplits = [];
        this.#report({
          type: "FetcherReport",
          fetcher: this.#id,
          endedSplits,
          tasksDone: context.tasksDone,
          idle: hasNothingToDo(context),
        });
      },
      reportFailure: ({ event }) => {
        if (!("error" in event)) return;
        this.#report({ type: "FetcherFailed", fetcher: this.#id, error: event.error });
      },
      reportClosed: () => this.#end(),
      unexpectedEvent: ({ event }) => {
        const type = (event as { readonly type: string }).type;
        const error = this.#failure(`does not know the event ${type}`, undefined);
        this.#report({ type: "FetcherFailed", fetcher: this.#id, error: toErrorInfo(error) });
      },
    };
  }

  #fetch(step: number): void {
    const fetched = (batch: RecordsWithSplitIds<E>): void => {
      if (this.#ended) {
        batch.recycle?.();
        return;
      }
      this.#batch = batch;
      this.#post({ type: "FetchCompleted", step });
    };
    const failed = (error: unknown): void => this.#stepFailed(step, "to fetch", error);
    try {
      const batch = this.#splitReader.fetch();
      if (batch instanceof Promise) batch.then(fetched).catch(failed);
      else fetched(batch);
    } catch (error) {
      failed(error);
    }
  }

  #handOver(step: number): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    // Asked before the put: from then on the batch belongs to the reader.
    const finishedSplits = batch.finishedSplits();
    this.#putting = true;
    this.#queue.put(this.#id, batch, (accepted) => {
      this.#putting = false;
      if (!accepted) {
        this.#post({ type: "BatchRefused", step });
        return;
      }
      this.#batch = undefined;
      this.#splitsEnded(finishedSplits);
      this.#post({ type: "BatchAccepted", step, assignedSplits: this.#splits.size });
    });
  }

  #splitsEnded(splitIds: Iterable<string>): void {
    for (const splitId of splitIds) {
      if (this.#splits.delete(splitId)) this.#endedSplits.push(splitId);
    }
  }

  #runTask(step: number, sequence: number): void {
    const task = this.#tasks.get(sequence);
    this.#tasks.delete(sequence);
    if (task === undefined) return;
    const doing = DOING[task.type];
    const completed = (): void =>
      this.#post({ type: "TaskCompleted", step, assignedSplits: this.#splits.size });
    try {
      const result = this.#execute(task);
      if (result instanceof Promise) {
        result.then(completed, (error) => this.#stepFailed(step, doing, error));
      } else {
        completed();
      }
    } catch (error) {
      this.#stepFailed(step, doing, error);
    }
  }

  #execute(task: NumberedTask): void | Promise<void> {
    switch (task.type) {
      case "AddSplits": {
        const splits = task.splits as readonly SplitT[];
        for (const split of splits) this.#splits.set(split.splitId, split);
        return this.#splitReader.handleSplitsChanges({ type: "ADDITION", splits });
      }
      case "RemoveSplits": {
        const splits = task.splits as readonly SplitT[];
        this.#splitsEnded(splits.map((split) => split.splitId));
        return this.#splitReader.handleSplitsChanges({ type: "REMOVAL", splits });
      }
      case "PauseOrResumeSplits":
        return this.#pauseOrResume(task.splitsToPause, task.splitsToResume);
      case "RunTask":
        if (this.#handleTask === undefined) {
          throw unsupportedOperation(
            `no handler for the task ${task.task.type}`,
            "Give the fetcher manager a `handleTask` option.",
          );
        }
        return this.#handleTask(this.#splitReader, task.task);
    }
  }

  #pauseOrResume(splitsToPause: readonly string[], splitsToResume: readonly string[]): void {
    const toPause = this.#lookUp(splitsToPause);
    const toResume = this.#lookUp(splitsToResume);
    if (toPause.length === 0 && toResume.length === 0) return;
    try {
      if (this.#splitReader.pauseOrResumeSplits === undefined) {
        throw unsupportedOperation(
          "this split reader cannot pause single splits",
          "Read one split a subtask, or allow unaligned source splits and accept that they drift apart.",
        );
      }
      this.#splitReader.pauseOrResumeSplits(toPause, toResume);
    } catch (error) {
      const unsupported = error instanceof HeadwaterError && error.code === "UNSUPPORTED_OPERATION";
      if (!unsupported || !this.#allowUnaligned) throw error;
    }
  }

  #lookUp(splitIds: readonly string[]): SplitT[] {
    const splits: SplitT[] = [];
    for (const splitId of splitIds) {
      const split = this.#splits.get(splitId);
      if (split !== undefined) splits.push(split);
    }
    return splits;
  }

  #handOverLast(): void {
    const last = new LastBatch<E>(() => this.#post({ type: "RecordsProcessed" }));
    this.#putting = true;
    this.#queue.put(this.#id, last, () => {
      this.#putting = false;
    });
  }

  #closeSplitReader(): void {
    const failed = (error: unknown): void => {
      this.#post({
        type: "ReaderCloseFailed",
        error: toErrorInfo(this.#failure("failed to close its split reader", error)),
      });
    };
    try {
      const batch = this.#batch;
      this.#batch = undefined;
      batch?.recycle?.();
      const closed = this.#splitReader.close();
      if (closed instanceof Promise) {
        closed.then(() => this.#post({ type: "ReaderClosed" }), failed);
      } else {
        this.#post({ type: "ReaderClosed" });
      }
    } catch (error) {
      failed(error);
    }
  }

  #stepFailed(step: number, doing: string, error: unknown): void {
    const splits = [...this.#splits.keys()];
    const which = splits.length === 0 ? "" : ` (${nameSplits(splits)})`;
    const failure = this.#failure(`failed ${doing}${which}`, error);
    this.#post({ type: "StepFailed", step, error: toErrorInfo(failure) });
  }

  #failure(what: string, cause: unknown): HeadwaterError {
    const known = cause instanceof HeadwaterError ? cause : undefined;
    return new HeadwaterError("FETCHER_FAILED", `split fetcher ${this.#id} ${what}`, {
      domain: known?.domain ?? "external",
      retry: known?.retry ?? "backoff",
      scope: "reader",
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
      ...(cause === undefined ? {} : { cause }),
    });
  }

  #post(event: SplitFetcherEvent): void {
    if (!this.#ended) this.#context.post(this.#context.self, event);
  }

  #report(event: FetcherEvent): void {
    this.#context.post(this.#manager, event);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#report({ type: "FetcherClosed", fetcher: this.#id });
    this.#context.stop();
  }
}

const DOING: Readonly<Record<NumberedTask["type"], string>> = {
  AddSplits: "to add splits",
  RemoveSplits: "to remove splits",
  PauseOrResumeSplits: "to pause or resume splits",
  RunTask: "to run a task",
};

/** Holds no records; when it is recycled, everything handed over before it has been read. */
class LastBatch<E> extends RecordsBySplits<E> {
  readonly #onRecycled: () => void;

  constructor(onRecycled: () => void) {
    super(new Map());
    this.#onRecycled = onRecycled;
  }

  recycle(): void {
    this.#onRecycled();
  }
}
