import type { UnreadableInput } from "../../src/api/bad-record.js";
import type { Source } from "../../src/api/source.js";
import type { ReaderOutput, SourceOutput, SourceReader } from "../../src/api/source-reader.js";
import type { SourceSplit } from "../../src/api/source-split.js";
import type {
  ReaderInfo,
  SplitEnumerator,
  SplitEnumeratorContext,
  SplitsAssignment,
} from "../../src/api/split-enumerator.js";
import { illegalState } from "../../src/errors/index.js";
import { ImmediateScheduler } from "../../src/mailbox/scheduler.js";
import { MetricRegistry } from "../../src/metrics/metric-registry.js";
import { ReaderHarness } from "../support/reader-harness.js";

/** More than one, as in a job that is in full flow, and no divisor of the usual counts. */
const RECORDS_PER_POLL = 7;

/** A checkpoint of a source: bytes, as storage would keep them. */
export interface SourceCheckpoint {
  readonly enumerator: Uint8Array;
  readonly splits: readonly (readonly Uint8Array[])[];
}

/** What happened to an enumerator: which splits went where, and who gets no more. */
export class EnumeratorRun<SplitT extends SourceSplit> {
  readonly readers = new Map<number, ReaderInfo<SplitT>>();
  readonly assigned: { readonly subtask: number; readonly splitId: string }[] = [];
  readonly noMoreSplits = new Set<number>();
  readonly metrics = new MetricRegistry();
  readonly context: SplitEnumeratorContext<SplitT>;
  /** Async calls under way. */
  readonly calls: Promise<void>[] = [];
  error: unknown;
  onAssigned: (subtask: number, splits: readonly SplitT[]) => void = () => {};
  onNoMoreSplits: (subtask: number) => void = () => {};
  onError: () => void = () => {};

  constructor(parallelism: number) {
    const unsupported = (): never => {
      throw illegalState("not used by these enumerators");
    };
    this.context = {
      currentParallelism: parallelism,
      metricGroup: this.metrics.root(),
      registeredReaders: () => this.readers,
      registeredReadersOfAttempts: unsupported,
      assignSplits: (assignment) => this.#assign(assignment),
      assignSplit: (split, subtask) => this.#assign(new Map([[subtask, [split]]])),
      signalNoMoreSplits: (subtask) => {
        this.noMoreSplits.add(subtask);
        this.onNoMoreSplits(subtask);
      },
      signalIntermediateNoMoreSplits: unsupported,
      sendEventToSourceReader: unsupported,
      sendEventToSourceReaderAttempt: unsupported,
      callAsync: (callable, handler) => {
        const { signal } = new AbortController();
        const run = async (): Promise<void> => callable(signal) as never;
        const call = run().then(
          (result) => handler(result as never, undefined),
          (error: unknown) => handler(undefined, error),
        );
        this.calls.push(
          call.catch((error: unknown) => {
            this.error = error;
            this.onError();
          }),
        );
      },
      runInCoordinatorLoop: (action) => action(),
      setIsProcessingBacklog: unsupported,
    };
  }

  register(subtask: number): void {
    this.readers.set(subtask, {
      subtaskId: subtask,
      location: "localhost",
      reportedSplitsOnRegistration: [],
    });
  }

  async settled(): Promise<void> {
    await Promise.all(this.calls);
    if (this.error !== undefined) throw this.error;
  }

  #assign(assignment: SplitsAssignment<SplitT>): void {
    for (const [subtask, splits] of assignment) {
      if (!this.readers.has(subtask)) throw illegalState(`subtask ${subtask} is not registered`);
      for (const { splitId } of splits) this.assigned.push({ subtask, splitId });
      this.onAssigned(subtask, splits);
    }
  }
}

interface Subtask<T, SplitT extends SourceSplit> {
  readonly harness: ReaderHarness;
  readonly reader: SourceReader<T, SplitT>;
  ended: boolean;
}

/**
 * Runs a source's enumerator and readers without a job: real fetchers and files, splits through
 * their serializer, one step at a time.
 */
export class SourceRun<T, SplitT extends SourceSplit, EnumChkT> {
  readonly source: Source<T, SplitT, EnumChkT>;
  readonly enumerator: SplitEnumerator<SplitT, EnumChkT>;
  readonly enumeratorRun: EnumeratorRun<SplitT>;
  readonly subtasks: Subtask<T, SplitT>[];
  readonly #restored: SourceCheckpoint | undefined;
  /** A reader keeps its outputs, so there is one for all calls of `take`. */
  readonly #output = collectingOutput<T>((record) => this.#records.push(record));
  #records: T[] = [];
  #messages: (() => void)[] = [];
  #onMessage: () => void = () => {};

  constructor(
    source: Source<T, SplitT, EnumChkT>,
    options: { readonly parallelism?: number; readonly restore?: SourceCheckpoint } = {},
  ) {
    const parallelism = options.parallelism ?? 1;
    this.source = source;
    this.#restored = options.restore;
    this.enumeratorRun = new EnumeratorRun(parallelism);
    const { context } = this.enumeratorRun;
    const serializer = source.enumeratorCheckpointSerializer;
    this.enumerator =
      options.restore === undefined
        ? source.createEnumerator(context)
        : source.restoreEnumerator(
            context,
            serializer.deserialize(serializer.version, options.restore.enumerator),
          );
    this.subtasks = Array.from({ length: parallelism }, (_, i) =>
      this.#createSubtask(i, parallelism),
    );
    this.enumeratorRun.onAssigned = (subtask, splits) => {
      const { version } = source.splitSerializer;
      const bytes = splits.map((split) => source.splitSerializer.serialize(split));
      this.#send(() => this.#addSplits(subtask, version, bytes));
    };
    this.enumeratorRun.onNoMoreSplits = (subtask) =>
      this.#send(() => this.subtasks[subtask]?.reader.notifyNoMoreSplits());
    this.enumeratorRun.onError = () => this.#onMessage();
  }

  start(): this {
    this.enumerator.start();
    for (const [i, { reader }] of this.subtasks.entries()) {
      const splits = this.#restored?.splits[i] ?? [];
      if (splits.length > 0) this.#addSplits(i, this.source.splitSerializer.version, splits);
      this.enumeratorRun.register(i);
      this.enumerator.addReader(i);
      reader.start();
    }
    return this;
  }

  /** At most `limit` records, of all subtasks in turn; fewer only at the end of input. */
  async take(limit = Number.POSITIVE_INFINITY): Promise<T[]> {
    const records: T[] = [];
    this.#records = records;
    while (records.length < limit && this.subtasks.some((subtask) => !subtask.ended)) {
      this.#deliver();
      if (this.enumeratorRun.error !== undefined) throw this.enumeratorRun.error;
      let progress = false;
      for (const subtask of this.subtasks) {
        if (subtask.ended || records.length >= limit) continue;
        subtask.harness.context.pollBudget.remaining = Math.min(
          RECORDS_PER_POLL,
          limit - records.length,
        );
        const status = subtask.reader.pollNext(this.#output);
        if (status === "END_OF_INPUT") subtask.ended = true;
        if (status !== "NOTHING_AVAILABLE") progress = true;
      }
      if (!progress) await this.#somethingToDo();
    }
    return records;
  }

  checkpoint(): SourceCheckpoint {
    this.#deliver();
    const { enumeratorCheckpointSerializer, splitSerializer } = this.source;
    return {
      enumerator: enumeratorCheckpointSerializer.serialize(this.enumerator.snapshotState(1)),
      splits: this.subtasks.map(({ reader }) =>
        reader.snapshotState(1).map((split) => splitSerializer.serialize(split)),
      ),
    };
  }

  /** What the readers reported as no records, each with a copy of its bytes; in the order of subtasks. */
  get badRecords(): readonly UnreadableInput[] {
    return this.subtasks.flatMap(({ harness }) => harness.badRecords);
  }

  async close(): Promise<void> {
    await Promise.all(this.subtasks.map(({ reader }) => reader.close()));
    await this.enumerator.close();
  }

  #createSubtask(index: number, parallelism: number): Subtask<T, SplitT> {
    const harness = new ReaderHarness({ parallelism, scheduler: new ImmediateScheduler() });
    const reader = this.source.createReader({
      ...harness.context,
      indexOfSubtask: index,
      sendSplitRequest: () =>
        this.#send(() => this.enumerator.handleSplitRequest(index, "localhost")),
    });
    return { harness, reader, ended: false };
  }

  #addSplits(subtask: number, version: number, bytes: readonly Uint8Array[]): void {
    const splits = bytes.map((split) => this.source.splitSerializer.deserialize(version, split));
    this.subtasks[subtask]?.reader.addSplits(splits);
  }

  #send(message: () => void): void {
    this.#messages.push(message);
    this.#onMessage();
  }

  #deliver(): void {
    while (this.#messages.length > 0) {
      const messages = this.#messages;
      this.#messages = [];
      for (const message of messages) message();
    }
  }

  #somethingToDo(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#messages.length > 0 || this.enumeratorRun.error !== undefined) resolve();
      this.#onMessage = resolve;
      for (const { reader, ended } of this.subtasks)
        if (!ended) reader.isAvailable().onDone(resolve);
    });
  }
}

function collectingOutput<T>(collect: (record: T) => void): ReaderOutput<T> {
  const output: SourceOutput<T> = {
    collect,
    emitWatermark() {},
    markIdle() {},
    markActive() {},
  };
  return { ...output, createOutputForSplit: () => output, releaseOutputForSplit() {} };
}

/** Everything that the source gives in one life. */
export async function readAll<T>(
  source: Source<T, never, never> | Source<T, SourceSplit, unknown>,
  options: { readonly parallelism?: number; readonly restore?: SourceCheckpoint } = {},
): Promise<T[]> {
  const run = new SourceRun(source as Source<T, SourceSplit, unknown>, options).start();
  try {
    return await run.take();
  } finally {
    await run.close();
  }
}
