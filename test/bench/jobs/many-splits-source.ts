import * as v from "valibot";
import type {
  RecordsWithSplitIds,
  Source,
  SourceReaderContext,
  SplitReader,
  SplitsChange,
} from "../../../src/api/index.js";
import { EagerSplitEnumerator } from "../../../src/enumerator/index.js";
import { SingleThreadFetcherManager, SourceReaderBase } from "../../../src/reader/index.js";
import { jsonSerializer } from "../../../src/serde/index.js";

/** The whole numbers from `next` up to, not including, `end`. */
export interface NumbersSplit {
  readonly splitId: string;
  readonly next: number;
  readonly end: number;
}

const schema = v.strictObject({ splitId: v.string(), next: v.number(), end: v.number() });

/** Records in one batch, whatever the number of splits. */
const BATCH = 8192;
/** Splits in one batch, as a Kafka fetch brings several partitions. */
const SPLITS_PER_BATCH = 8;

interface State {
  readonly split: NumbersSplit;
  next: number;
}

/**
 * Reads all its splits side by side, as a Kafka reader does: each batch holds runs of a few splits, in
 * turn, and each split has its own watermark.
 */
export function manySplitsSource(
  records: number,
  splits: number,
  /** The first number of a split: event time of splits that lie apart. */
  firstOf: (split: number) => number = () => 0,
  idOf: (split: number) => string = (split) => `split-${split}`,
  batch = BATCH,
): Source<number, NumbersSplit, readonly NumbersSplit[]> {
  const size = Math.ceil(records / splits);
  const all = Array.from({ length: splits }, (_, i) => ({
    splitId: idOf(i),
    next: firstOf(i),
    end: firstOf(i) + size,
  }));
  return {
    name: "many splits",
    boundedness: "BOUNDED",
    splitSerializer: jsonSerializer({ name: "split", version: 1, schema }),
    enumeratorCheckpointSerializer: jsonSerializer({
      name: "enumerator",
      version: 1,
      schema: v.array(schema),
    }),
    createReader: (context) => new ManySplitsReader(context, batch),
    createEnumerator: (context) => new EagerSplitEnumerator(context, all),
    restoreEnumerator: (context, checkpoint) => new EagerSplitEnumerator(context, checkpoint),
  };
}

class ManySplitsReader extends SourceReaderBase<number, number, NumbersSplit, State> {
  constructor(context: SourceReaderContext, batch: number) {
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<number, NumbersSplit>({
        context,
        splitReaderFactory: () => new ManySplitsReaderLoop(batch),
      }),
      recordEmitter: {
        emitRecord(record, output, state) {
          output.collect(record, record);
          state.next = record + 1;
        },
      },
    });
  }

  protected override initializedState(split: NumbersSplit): State {
    return { split, next: split.next };
  }

  protected override toSplitType(_splitId: string, { split, next }: State): NumbersSplit {
    return { ...split, next };
  }
}

interface Run {
  readonly splitId: string;
  next: number;
  readonly end: number;
}

interface Held {
  next: number;
  readonly end: number;
}

class ManySplitsReaderLoop implements SplitReader<number, NumbersSplit> {
  readonly #active = new Map<string, Held>();
  readonly #paused = new Map<string, Held>();
  #turns: Iterator<[string, Held]> = this.#active.entries();
  #wake: (() => void) | undefined;
  readonly #batch: number;

  constructor(batch: number) {
    this.#batch = batch;
  }

  fetch(): RecordsWithSplitIds<number> | Promise<RecordsWithSplitIds<number>> {
    if (this.#active.size === 0) {
      return new Promise<void>((resolve) => {
        this.#wake = resolve;
      }).then(() => new Batch([], new Set()));
    }
    const runs: Run[] = [];
    const finished = new Set<string>();
    const count = Math.min(SPLITS_PER_BATCH, this.#active.size);
    while (runs.length < count) {
      let turn = this.#turns.next();
      if (turn.done === true) {
        this.#turns = this.#active.entries();
        turn = this.#turns.next();
        if (turn.done === true) break;
      }
      const [splitId, held] = turn.value;
      const end = Math.min(held.next + Math.floor(this.#batch / count), held.end);
      runs.push({ splitId, next: held.next, end });
      held.next = end;
      if (end === held.end) {
        finished.add(splitId);
        this.#active.delete(splitId);
      }
    }
    return new Batch(runs, finished);
  }

  handleSplitsChanges({ type, splits }: SplitsChange<NumbersSplit>): void {
    for (const { splitId, next, end } of splits) {
      if (type === "ADDITION") this.#active.set(splitId, { next, end });
      else this.#active.delete(splitId);
    }
    this.wakeUp();
  }

  pauseOrResumeSplits(toPause: readonly NumbersSplit[], toResume: readonly NumbersSplit[]): void {
    move(toPause, this.#active, this.#paused);
    move(toResume, this.#paused, this.#active);
    this.wakeUp();
  }

  wakeUp(): void {
    this.#wake?.();
  }

  close(): void {}
}

function move<T>(splits: readonly NumbersSplit[], from: Map<string, T>, to: Map<string, T>): void {
  for (const { splitId } of splits) {
    const held = from.get(splitId);
    if (held === undefined) continue;
    from.delete(splitId);
    to.set(splitId, held);
  }
}

class Batch implements RecordsWithSplitIds<number> {
  readonly #runs: readonly Run[];
  readonly #finished: ReadonlySet<string>;
  #index = -1;
  #next = 0;
  #end = 0;

  constructor(runs: readonly Run[], finished: ReadonlySet<string>) {
    this.#runs = runs;
    this.#finished = finished;
  }

  nextSplit(): string | null {
    const run = this.#runs[++this.#index];
    if (run === undefined) return null;
    this.#next = run.next;
    this.#end = run.end;
    return run.splitId;
  }

  nextRecordFromSplit(): number | null {
    return this.#next < this.#end ? this.#next++ : null;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#finished;
  }
}
