import * as v from "valibot";
import type {
  RecordsWithSplitIds,
  Source,
  SourceReaderContext,
  SourceSplit,
  SplitEnumerator,
  SplitEnumeratorContext,
  SplitReader,
  SplitsChange,
} from "../../src/api/index.js";
import {
  FetcherPerSplitManager,
  RecordsBySplits,
  SingleThreadFetcherManager,
  SourceReaderBase,
} from "../../src/reader/index.js";
import { jsonSerializer } from "../../src/serde/index.js";
import type { Life } from "./life.js";
import { recordOf, timestampOf } from "./log.js";
import type { World } from "./world.js";

/** Milliseconds between two listings. */
const LIST_INTERVAL = 60;
/** Splits that a request is answered with. */
const SPLITS_AT_ONCE = 2;

export interface LogSplit extends SourceSplit {
  readonly index: number;
  readonly next: number;
  readonly end: number;
}

const splitSchema = v.object({
  splitId: v.string(),
  index: v.number(),
  next: v.number(),
  end: v.number(),
});

interface LogState {
  readonly known: readonly number[];
  readonly remaining: readonly LogSplit[];
  readonly isComplete: boolean;
}

/** Which records of a split are read; undefined: the split is left out. */
export type LogRange = (
  index: number,
  records: number,
) => { readonly from: number; readonly to: number } | undefined;

/** Reads the world's log, splits `which` of it; its parts fail and take long as the plan says. */
export function logSource(
  world: World,
  which: (index: number) => boolean = () => true,
): Source<number, LogSplit, LogState> {
  return logRangeSource(world, (index, records) =>
    which(index) ? { from: 0, to: records } : undefined,
  );
}

/** Reads parts of the world's log. */
export function logRangeSource(
  world: World,
  rangeOf: LogRange,
): Source<number, LogSplit, LogState> {
  return {
    name: "log",
    boundedness: "BOUNDED",
    splitSerializer: jsonSerializer({ name: "log split", version: 1, schema: splitSchema }),
    enumeratorCheckpointSerializer: jsonSerializer<LogState>({
      name: "log splits",
      version: 1,
      schema: v.object({
        known: v.array(v.number()),
        remaining: v.array(splitSchema),
        isComplete: v.boolean(),
      }),
    }),
    createReader(context) {
      world.life.check("source.createReader");
      return new LogReader(context, world.life);
    },
    createEnumerator(context) {
      world.life.check("source.createEnumerator");
      const empty = { known: [], remaining: [], isComplete: false };
      return new LogEnumerator(context, world.life, rangeOf, empty);
    },
    restoreEnumerator(context, checkpoint) {
      world.life.check("source.restoreEnumerator");
      return new LogEnumerator(context, world.life, rangeOf, checkpoint);
    },
  };
}

/** Lists the log from time to time and gives a split to whoever asks. */
export class LogEnumerator implements SplitEnumerator<LogSplit, LogState> {
  readonly #context: SplitEnumeratorContext<LogSplit>;
  readonly #life: Life;
  readonly #rangeOf: LogRange;
  readonly #known: Set<number>;
  readonly #waiting = new Set<number>();
  #remaining: readonly LogSplit[];
  #isComplete: boolean;

  constructor(
    context: SplitEnumeratorContext<LogSplit>,
    life: Life,
    rangeOf: LogRange,
    state: LogState,
  ) {
    this.#context = context;
    this.#life = life;
    this.#rangeOf = rangeOf;
    this.#known = new Set(state.known);
    this.#remaining = state.remaining;
    this.#isComplete = state.isComplete;
  }

  start(): void {
    this.#life.check("enumerator.start");
    if (this.#isComplete) return;
    const { world } = this.#life;
    this.#context.callAsync(
      async () => {
        if (this.#isComplete) return undefined;
        return this.#life.call("list", world.plan.latency.source, () => {
          const listed = world.log.list(world.time);
          // A listing that has not caught up: a split that was there is gone for once.
          if (world.faults.take("list.part") === undefined) return listed;
          return { splits: listed.splits.slice(1), isComplete: false };
        });
      },
      (listed) => {
        // The next one may work.
        if (listed === undefined) return;
        for (const { index, records } of listed.splits) {
          const range = this.#rangeOf(index, records);
          if (range === undefined || this.#known.has(index)) continue;
          this.#known.add(index);
          const { from, to } = range;
          // After a partial restart one reader may be behind another in a chain of sources: parts of
          // the log that different sources read are different splits.
          const isWhole = from === 0 && to === records;
          const splitId = isWhole ? `split-${index}` : `split-${index}-from-${from}-to-${to}`;
          const split = { splitId, index, next: from, end: to };
          this.#remaining = [...this.#remaining, split];
        }
        this.#isComplete ||= listed.isComplete;
        this.#serve();
      },
      { initialDelay: 0, period: LIST_INTERVAL },
    );
  }

  handleSplitRequest(subtaskId: number): void {
    this.#life.check("enumerator.splitRequest");
    this.#waiting.add(subtaskId);
    this.#serve();
  }

  addSplitsBack(splits: readonly LogSplit[]): void {
    this.#life.check("enumerator.addSplitsBack");
    this.#remaining = [...splits, ...this.#remaining];
    this.#serve();
  }

  addReader(): void {}

  /** The splits that it has found. */
  get known(): readonly number[] {
    return [...this.#known];
  }

  snapshotState(): LogState {
    this.#life.check("enumerator.snapshot");
    return {
      known: [...this.#known],
      remaining: this.#remaining,
      isComplete: this.#isComplete,
    };
  }

  close(): void {
    this.#life.check("enumerator.close");
  }

  #serve(): void {
    const readers = this.#context.registeredReaders();
    for (const subtask of this.#waiting) {
      if (!readers.has(subtask)) {
        this.#waiting.delete(subtask);
        continue;
      }
      const some = this.#remaining.slice(0, SPLITS_AT_ONCE);
      if (some.length > 0) this.#context.assignSplits(new Map([[subtask, some]]));
      else if (this.#isComplete) this.#context.signalNoMoreSplits(subtask);
      else return;
      this.#remaining = this.#remaining.slice(SPLITS_AT_ONCE);
      this.#waiting.delete(subtask);
    }
  }
}

interface LogSplitState {
  readonly splitId: string;
  readonly index: number;
  next: number;
  readonly end: number;
}

class LogReader extends SourceReaderBase<number, number, LogSplit, LogSplitState> {
  readonly #life: Life;

  constructor(context: SourceReaderContext, life: Life) {
    const options = { context, splitReaderFactory: () => new LogSplitReader(life) };
    super({
      context,
      fetcherManager:
        life.world.plan.fetchers === "single"
          ? new SingleThreadFetcherManager<number, LogSplit>(options)
          : new FetcherPerSplitManager<number, LogSplit>(options),
      recordEmitter: {
        emitRecord(record, output, state) {
          life.check("emit");
          output.collect(record, timestampOf(record));
          state.next++;
        },
      },
    });
    this.#life = life;
  }

  override start(): void {
    if (this.numberOfCurrentlyAssignedSplits === 0) this.context.sendSplitRequest();
  }

  override addSplits(splits: readonly LogSplit[]): void {
    this.#life.check("reader.addSplits");
    super.addSplits(splits);
  }

  override snapshotState(checkpointId: number): LogSplit[] {
    this.#life.check("reader.snapshot");
    return super.snapshotState(checkpointId);
  }

  protected override initializedState({ splitId, index, next, end }: LogSplit): LogSplitState {
    return { splitId, index, next, end };
  }

  protected override toSplitType(splitId: string, state: LogSplitState): LogSplit {
    const { index, next, end } = state;
    return { splitId, index, next, end };
  }

  protected override onSplitFinished(): void {
    if (this.numberOfCurrentlyAssignedSplits === 0) this.context.sendSplitRequest();
  }
}

/** Reads a few records of each split; without anything to read it waits for `wakeUp`. */
class LogSplitReader implements SplitReader<number, LogSplit> {
  readonly #life: Life;
  readonly #splits = new Map<string, { index: number; next: number; end: number }>();
  readonly #paused = new Set<string>();
  #wakeUp: (() => void) | undefined;

  constructor(life: Life) {
    this.#life = life;
  }

  fetch(): Promise<RecordsWithSplitIds<number>> {
    const { world } = this.#life;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => resolve(empty());
      if (this.#readable.length === 0) {
        this.#wakeUp = giveUp;
        return;
      }
      let isOver = false;
      const end = (settle: () => void): void => {
        if (isOver) return;
        isOver = true;
        this.#wakeUp = undefined;
        settle();
      };
      const endEmpty = (): void => end(giveUp);
      this.#wakeUp = endEmpty;
      this.#life
        .call("fetch", world.plan.latency.source, () => world.faults.take("fetch.nothing"))
        .then(
          (isEmpty) => end(() => resolve(isEmpty === undefined ? this.#read() : empty())),
          (error: unknown) => end(() => reject(error)),
        );
    });
  }

  handleSplitsChanges({ type, splits }: SplitsChange<LogSplit>): void {
    this.#life.check("fetcher.addSplits");
    const { log } = this.#life.world;
    for (const { splitId, index, next, end } of splits) {
      if (type === "REMOVAL") {
        this.#splits.delete(splitId);
        log.close(splitId, this);
        continue;
      }
      this.#splits.set(splitId, { index, next, end });
      if (!log.open(splitId, this)) {
        this.#life.world.violation(`${splitId} has two readers at a time`);
      }
    }
  }

  wakeUp(): void {
    this.#wakeUp?.();
    this.#wakeUp = undefined;
  }

  pauseOrResumeSplits(toPause: readonly LogSplit[], toResume: readonly LogSplit[]): void {
    for (const { splitId } of toPause) this.#paused.add(splitId);
    for (const { splitId } of toResume) this.#paused.delete(splitId);
  }

  async close(): Promise<void> {
    const { world } = this.#life;
    try {
      await this.#life.call("fetcher.close", world.plan.latency.source, () => undefined);
    } finally {
      for (const splitId of this.#splits.keys()) world.log.close(splitId, this);
    }
  }

  get #readable(): readonly string[] {
    return [...this.#splits.keys()].filter((splitId) => !this.#paused.has(splitId));
  }

  #read(): RecordsWithSplitIds<number> {
    const { log, plan } = this.#life.world;
    const records = new Map<string, number[]>();
    const finished = new Set<string>();
    for (const splitId of this.#readable) {
      const split = this.#splits.get(splitId);
      if (split === undefined) continue;
      const to = Math.min(split.end, split.next + plan.fetchSize);
      const batch: number[] = [];
      for (let place = split.next; place < to; place++) batch.push(recordOf(split.index, place));
      records.set(splitId, batch);
      split.next = to;
      if (to < split.end) continue;
      finished.add(splitId);
      this.#splits.delete(splitId);
      log.close(splitId, this);
    }
    return new RecordsBySplits(records, finished);
  }
}

function empty(): RecordsWithSplitIds<number> {
  return new RecordsBySplits(new Map(), new Set());
}
