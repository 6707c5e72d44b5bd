import * as v from "valibot";
import type {
  ReaderOutput,
  RecordsWithSplitIds,
  SimpleVersionedSerializer,
  Source,
  SourceEvent,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
  SplitEnumerator,
  SplitEnumeratorContext,
  SplitReader,
  SplitsChange,
} from "../../src/api/index.js";
import {
  jsonSerializer,
  RecordsBySplits,
  SingleThreadFetcherManager,
  SourceReaderBase,
} from "../../src/index.js";

/** Throws at a place, as often as it was told to; every method of a faulty part asks here first. */
export class Faults {
  /** Where it has thrown, in that order. */
  readonly hits: string[] = [];
  readonly #plans = new Map<string, { good: number; bad: number }>();

  /** The place fails `times` times, after `after` good calls. */
  at(place: string, times = 1, after = 0): this {
    this.#plans.set(place, { good: after, bad: times });
    return this;
  }

  check(place: string): void {
    if (this.asks(place)) throw new Error(`boom in ${place}`);
  }

  /** Whether the place is to misbehave now, in a way of its own. */
  asks(place: string): boolean {
    const plan = this.#plans.get(place);
    if (plan === undefined || plan.good-- > 0 || plan.bad-- <= 0) return false;
    this.hits.push(place);
    return true;
  }
}

export interface RangeSplit extends SourceSplit {
  readonly next: number;
  readonly end: number;
}

const splitSchema = v.object({ splitId: v.string(), next: v.number(), end: v.number() });

interface RangeState {
  readonly splitId: string;
  next: number;
  readonly end: number;
}

export interface FaultySourceOptions {
  readonly faults: Faults;
  readonly splits: number;
  readonly perSplit: number;
  readonly fetchSize?: number;
  /** Numbers that the source cannot read; asked in the operator's loop. */
  readonly isBad?: (n: number) => boolean;
  /** What is wrong with a bad number. */
  readonly badError?: (n: number) => unknown;
  /** Bytes of each bad input; default: as many as its text has. */
  readonly badBytes?: number;
}

/** What stands in the input instead of the number `n`. */
export function badText(n: number): string {
  return `no number ${n}`;
}

function guarded<T>(
  faults: Faults,
  name: string,
  inner: SimpleVersionedSerializer<T>,
): SimpleVersionedSerializer<T> {
  return {
    version: inner.version,
    serialize(value) {
      faults.check(`${name}.serialize`);
      return inner.serialize(value);
    },
    deserialize(version, bytes) {
      faults.check(`${name}.deserialize`);
      return inner.deserialize(version, bytes);
    },
  };
}

/** Numbers in several splits, read through fetchers; fails wherever the faults say. */
export function faultySource(
  options: FaultySourceOptions,
): Source<number, RangeSplit, readonly RangeSplit[]> {
  const { faults, splits, perSplit } = options;
  const all = Array.from({ length: splits }, (_, i) => ({
    splitId: `range-${i}`,
    next: i * perSplit,
    end: (i + 1) * perSplit,
  }));
  return {
    name: "faulty",
    boundedness: "BOUNDED",
    splitSerializer: guarded(
      faults,
      "splitSerializer",
      jsonSerializer({ name: "range split", version: 1, schema: splitSchema }),
    ),
    enumeratorCheckpointSerializer: guarded(
      faults,
      "enumeratorCheckpointSerializer",
      jsonSerializer({ name: "range splits", version: 1, schema: v.array(splitSchema) }),
    ),
    createReader(context) {
      faults.check("Source.createReader");
      return guardedReader(faults, new RangeReader(context, options));
    },
    createEnumerator(context) {
      faults.check("Source.createEnumerator");
      return new RangeEnumerator(context, faults, all);
    },
    restoreEnumerator(context, checkpoint) {
      faults.check("Source.restoreEnumerator");
      return new RangeEnumerator(context, faults, checkpoint);
    },
  };
}

/** Hands out one split at a request, and answers a hello of each reader. */
class RangeEnumerator implements SplitEnumerator<RangeSplit, readonly RangeSplit[]> {
  readonly #context: SplitEnumeratorContext<RangeSplit>;
  readonly #faults: Faults;
  #remaining: readonly RangeSplit[];

  constructor(
    context: SplitEnumeratorContext<RangeSplit>,
    faults: Faults,
    remaining: readonly RangeSplit[],
  ) {
    this.#context = context;
    this.#faults = faults;
    this.#remaining = remaining;
  }

  start(): void {
    this.#faults.check("SplitEnumerator.start");
    this.#context.callAsync(
      () => this.#faults.check("SplitEnumerator.callAsync callable"),
      (_result, error) => {
        if (error !== undefined) throw error;
        this.#faults.check("SplitEnumerator.callAsync handler");
      },
    );
    this.#context.runInCoordinatorLoop(() =>
      this.#faults.check("SplitEnumerator.runInCoordinatorLoop"),
    );
  }

  handleSplitRequest(subtaskId: number): void {
    this.#faults.check("SplitEnumerator.handleSplitRequest");
    const [first, second, ...rest] = this.#remaining;
    if (first === undefined) {
      this.#context.signalNoMoreSplits(subtaskId);
      return;
    }
    const splits = second === undefined ? [first] : [first, second];
    this.#context.assignSplits(new Map([[subtaskId, splits]]));
    this.#remaining = rest;
  }

  addSplitsBack(splits: readonly RangeSplit[]): void {
    this.#faults.check("SplitEnumerator.addSplitsBack");
    this.#remaining = [...splits, ...this.#remaining];
  }

  addReader(): void {
    this.#faults.check("SplitEnumerator.addReader");
  }

  handleSourceEvent(subtaskId: number, event: SourceEvent): void {
    this.#faults.check("SplitEnumerator.handleSourceEvent");
    this.#context.sendEventToSourceReader(subtaskId, event);
  }

  snapshotState(): readonly RangeSplit[] {
    this.#faults.check("SplitEnumerator.snapshotState");
    return this.#remaining;
  }

  notifyCheckpointComplete(): void {
    this.#faults.check("SplitEnumerator.notifyCheckpointComplete");
  }

  notifyCheckpointAborted(): void {
    this.#faults.check("SplitEnumerator.notifyCheckpointAborted");
  }

  close(): void {
    this.#faults.check("SplitEnumerator.close");
  }
}

class RangeReader extends SourceReaderBase<number, number, RangeSplit, RangeState> {
  constructor(context: SourceReaderContext, options: FaultySourceOptions) {
    const { faults, fetchSize = 10, isBad = () => false, badBytes } = options;
    const { badError = (n: number) => new Error(`${n} is not readable`) } = options;
    // One buffer for every bad input, as a reader of a file has it.
    const buffer = Buffer.alloc(badBytes ?? 64, ".");
    const report = (n: number, splitId: string): void => {
      const length = buffer.write(badText(n));
      const raw = badBytes === undefined ? buffer.subarray(0, length) : buffer;
      const error = badError(n);
      try {
        context.reportBadRecord({ splitId, position: n, raw, rawLength: raw.length, error });
      } finally {
        buffer.fill(".");
      }
    };
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<number, RangeSplit>({
        context,
        splitReaderFactory: () => new RangeSplitReader(faults, fetchSize),
      }),
      recordEmitter: {
        emitRecord(element, output, state) {
          faults.check("RecordEmitter.emitRecord");
          if (isBad(element)) report(element, state.splitId);
          else output.collect(element, element);
          state.next = element + 1;
        },
      },
    });
  }

  override start(): void {
    this.context.sendSourceEventToCoordinator({ type: "Hello" } as SourceEvent);
    if (this.numberOfCurrentlyAssignedSplits === 0) this.context.sendSplitRequest();
  }

  protected override initializedState({ splitId, next, end }: RangeSplit): RangeState {
    return { splitId, next, end };
  }

  protected override toSplitType(splitId: string, { next, end }: RangeState): RangeSplit {
    return { splitId, next, end };
  }

  protected override onSplitFinished(): void {
    if (this.numberOfCurrentlyAssignedSplits === 0) this.context.sendSplitRequest();
  }
}

/** Reads a few numbers of each split; a fetch without anything to read waits for `wakeUp`. */
class RangeSplitReader implements SplitReader<number, RangeSplit> {
  readonly #faults: Faults;
  readonly #fetchSize: number;
  readonly #splits = new Map<string, { next: number; readonly end: number }>();
  readonly #paused = new Set<string>();
  #wakeUp: (() => void) | undefined;

  constructor(faults: Faults, fetchSize: number) {
    this.#faults = faults;
    this.#fetchSize = fetchSize;
  }

  fetch(): RecordsWithSplitIds<number> | Promise<RecordsWithSplitIds<number>> {
    this.#faults.check("SplitReader.fetch");
    return this.#fetch();
  }

  async #fetch(): Promise<RecordsWithSplitIds<number>> {
    this.#faults.check("SplitReader.fetch, later");
    const active = [...this.#splits].filter(([splitId]) => !this.#paused.has(splitId));
    if (active.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
      return new RecordsBySplits(new Map(), new Set());
    }
    const records = new Map<string, number[]>();
    const finished = new Set<string>();
    for (const [splitId, split] of active) {
      const to = Math.min(split.end, split.next + this.#fetchSize);
      records.set(
        splitId,
        Array.from({ length: to - split.next }, (_, i) => split.next + i),
      );
      split.next = to;
      if (to < split.end) continue;
      finished.add(splitId);
      this.#splits.delete(splitId);
    }
    return new RecordsBySplits(records, finished);
  }

  handleSplitsChanges({ type, splits }: SplitsChange<RangeSplit>): void {
    this.#faults.check("SplitReader.handleSplitsChanges");
    for (const { splitId, next, end } of splits) {
      if (type === "ADDITION") this.#splits.set(splitId, { next, end });
      else this.#splits.delete(splitId);
    }
  }

  wakeUp(): void {
    this.#wakeUp?.();
    this.#wakeUp = undefined;
    this.#faults.check("SplitReader.wakeUp");
  }

  pauseOrResumeSplits(toPause: readonly RangeSplit[], toResume: readonly RangeSplit[]): void {
    this.#faults.check("SplitReader.pauseOrResumeSplits");
    for (const { splitId } of toPause) this.#paused.add(splitId);
    for (const { splitId } of toResume) this.#paused.delete(splitId);
  }

  close(): void {
    this.#faults.check("SplitReader.close");
  }
}

/** A reader that fails at the calls the faults name. */
function guardedReader(
  faults: Faults,
  reader: SourceReader<number, RangeSplit>,
): SourceReader<number, RangeSplit> {
  return {
    start() {
      faults.check("SourceReader.start");
      reader.start();
    },
    pollNext(output: ReaderOutput<number>) {
      faults.check("SourceReader.pollNext");
      return reader.pollNext(output);
    },
    snapshotState(checkpointId) {
      faults.check("SourceReader.snapshotState");
      return reader.snapshotState(checkpointId);
    },
    isAvailable() {
      faults.check("SourceReader.isAvailable");
      return reader.isAvailable();
    },
    addSplits(splits) {
      faults.check("SourceReader.addSplits");
      reader.addSplits(splits);
    },
    notifyNoMoreSplits() {
      faults.check("SourceReader.notifyNoMoreSplits");
      reader.notifyNoMoreSplits();
    },
    handleSourceEvents() {
      faults.check("SourceReader.handleSourceEvents");
    },
    pauseOrResumeSplits(toPause, toResume) {
      faults.check("SourceReader.pauseOrResumeSplits");
      reader.pauseOrResumeSplits?.(toPause, toResume);
    },
    notifyCheckpointComplete(checkpointId) {
      faults.check("SourceReader.notifyCheckpointComplete");
      reader.notifyCheckpointComplete?.(checkpointId);
    },
    notifyCheckpointAborted() {
      faults.check("SourceReader.notifyCheckpointAborted");
    },
    async close() {
      await reader.close();
      faults.check("SourceReader.close");
    },
  };
}
