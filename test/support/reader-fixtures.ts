import type { InputStatus } from "../../src/api/boundedness.js";
import type { ReaderOutput, SourceOutput, SourceReader } from "../../src/api/source-reader.js";
import type { SourceSplit } from "../../src/api/source-split.js";
import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../src/api/split-reader.js";
import type { Watermark } from "../../src/api/watermark.js";
import {
  RecordsBySplits,
  SourceReaderBase,
  type SourceReaderBaseOptions,
} from "../../src/reader/index.js";
import type { ReaderHarness } from "./reader-harness.js";

/** A split of given numbers; it ends after the last. */
export interface NumbersSplit extends SourceSplit {
  readonly index: number;
  readonly values: readonly number[];
}

export type NumbersElement = readonly [value: number, index: number];

/** Flink's SourceReaderTestBase: value = split * 10 + place. */
export function numbersSplit(id: number, count = 10): NumbersSplit {
  const values = Array.from({ length: count }, (_, index) => id * 10 + index);
  return { splitId: String(id), index: 0, values };
}

export interface NumbersSplitReaderOptions {
  readonly recordsPerFetch?: number;
  /** The finished marker comes in a batch of its own. */
  readonly separateFinished?: boolean;
  readonly canPause?: boolean;
  /** Splits go on after their last value until they are removed. */
  readonly unbounded?: boolean;
  /** When a batch is there: at once, in a later microtask, or when `release` or `wakeUp` is called. */
  readonly fetches?: "sync" | "async" | "held";
  /** Called at the start of each fetch; may throw. */
  readonly onFetch?: (fetch: number) => void;
  readonly onClose?: () => void | Promise<void>;
}

/** Counts what becomes of a batch. */
class CountedBatch extends RecordsBySplits<NumbersElement> {
  readonly #onRecycle: () => void;

  constructor(
    records: ReadonlyMap<string, readonly NumbersElement[]>,
    finished: ReadonlySet<string>,
    onRecycle: () => void,
  ) {
    super(records, finished);
    this.#onRecycle = onRecycle;
  }

  recycle(): void {
    this.#onRecycle();
  }
}

interface ReadSplit {
  readonly values: readonly number[];
  index: number;
}

/** A split reader whose fetches, failures and end the test decides. */
export class NumbersSplitReader implements SplitReader<NumbersElement, NumbersSplit> {
  readonly paused = new Set<string>();
  fetches = 0;
  wakeUps = 0;
  recycled = 0;
  closed = false;
  readonly #options: NumbersSplitReaderOptions;
  readonly #splits = new Map<string, ReadSplit>();
  readonly #removed = new Set<string>();
  #release: (() => void) | undefined;

  constructor(options: NumbersSplitReaderOptions = {}) {
    this.#options = options;
    if (options.canPause !== false) {
      this.pauseOrResumeSplits = (toPause, toResume) => {
        for (const { splitId } of toPause) this.paused.add(splitId);
        for (const { splitId } of toResume) this.paused.delete(splitId);
      };
    }
  }

  pauseOrResumeSplits?: (
    toPause: readonly NumbersSplit[],
    toResume: readonly NumbersSplit[],
  ) => void;

  fetch(): RecordsWithSplitIds<NumbersElement> | Promise<RecordsWithSplitIds<NumbersElement>> {
    this.fetches++;
    this.#options.onFetch?.(this.fetches);
    if (this.#options.fetches === "held" || !this.#hasSomething()) {
      return new Promise((resolve) => {
        this.#release = () => resolve(this.#read());
      });
    }
    if (this.#options.fetches === "async") return Promise.resolve().then(() => this.#read());
    return this.#read();
  }

  /** Lets a held fetch end. */
  release(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  handleSplitsChanges(change: SplitsChange<NumbersSplit>): void {
    for (const { splitId, index, values } of change.splits) {
      if (change.type === "ADDITION") this.#splits.set(splitId, { values, index });
      else if (this.#splits.delete(splitId)) this.#removed.add(splitId);
    }
  }

  wakeUp(): void {
    this.wakeUps++;
    this.release();
  }

  close(): void | Promise<void> {
    this.closed = true;
    return this.#options.onClose?.();
  }

  /** Without a record or an end to tell, a fetch waits until it is woken up, as a consumer's poll does. */
  #hasSomething(): boolean {
    if (this.#removed.size > 0) return true;
    for (const [splitId, { index, values }] of this.#splits) {
      if (this.paused.has(splitId)) continue;
      if (index < values.length || !this.#options.unbounded) return true;
    }
    return false;
  }

  #read(): RecordsWithSplitIds<NumbersElement> {
    const records = new Map<string, NumbersElement[]>();
    const finished = new Set(this.#removed);
    this.#removed.clear();
    for (const [splitId, split] of this.#splits) {
      if (this.paused.has(splitId)) continue;
      const elements: NumbersElement[] = [];
      while (
        split.index < split.values.length &&
        elements.length < (this.#options.recordsPerFetch ?? 2)
      ) {
        elements.push([split.values[split.index] as number, split.index++]);
      }
      if (elements.length > 0) records.set(splitId, elements);
      if (this.#options.unbounded || split.index < split.values.length) continue;
      if (this.#options.separateFinished && elements.length > 0) continue;
      finished.add(splitId);
      this.#splits.delete(splitId);
    }
    return new CountedBatch(records, finished, () => {
      this.recycled++;
    });
  }
}

interface NumbersState {
  readonly split: NumbersSplit;
  index: number;
}

type Options = SourceReaderBaseOptions<NumbersElement, number, NumbersSplit, NumbersState>;

/** A reader of numbers; the emitter throws on values in `poison`. */
export class NumbersReader extends SourceReaderBase<
  NumbersElement,
  number,
  NumbersSplit,
  NumbersState
> {
  readonly finished: string[] = [];

  constructor(options: Omit<Options, "recordEmitter">, poison: ReadonlySet<number> = new Set()) {
    super({
      ...options,
      recordEmitter: {
        emitRecord([value, index], output, state) {
          if (poison.has(value)) throw new Error(`cannot emit ${value}`);
          output.collect(value, value);
          state.index = index + 1;
        },
      },
    });
  }

  protected override initializedState(split: NumbersSplit): NumbersState {
    return { split, index: split.index };
  }

  protected override toSplitType(_splitId: string, state: NumbersState): NumbersSplit {
    return { ...state.split, index: state.index };
  }

  protected override onSplitFinished(finished: ReadonlyMap<string, NumbersState>): void {
    this.finished.push(...finished.keys());
  }
}

/** Collects records; per split with an output of its own, whose watermarks are combined. */
export class NumbersOutput implements ReaderOutput<number> {
  readonly records: number[] = [];
  readonly watermarks: Watermark[] = [];
  readonly released: string[] = [];
  readonly #splitWatermarks = new Map<string, Watermark>();
  #combined = Number.NEGATIVE_INFINITY;

  /** As the operator does when splits are added. */
  register(splitId: string): void {
    if (!this.#splitWatermarks.has(splitId)) {
      this.#splitWatermarks.set(splitId, Number.NEGATIVE_INFINITY);
    }
  }

  collect(record: number): void {
    this.records.push(record);
  }

  createOutputForSplit(splitId: string): SourceOutput<number> {
    this.register(splitId);
    return {
      collect: (record, timestamp) => {
        this.records.push(record);
        this.#advance(splitId, timestamp ?? Number.NEGATIVE_INFINITY);
      },
      emitWatermark: (watermark) => this.#advance(splitId, watermark),
      markIdle() {},
      markActive() {},
    };
  }

  releaseOutputForSplit(splitId: string): void {
    this.released.push(splitId);
    this.#splitWatermarks.delete(splitId);
  }

  emitWatermark(): void {}
  markIdle(): void {}
  markActive(): void {}

  #advance(splitId: string, watermark: Watermark): void {
    const before = this.#splitWatermarks.get(splitId) ?? Number.NEGATIVE_INFINITY;
    this.#splitWatermarks.set(splitId, Math.max(before, watermark));
    const combined = Math.min(...this.#splitWatermarks.values());
    if (combined > this.#combined) {
      this.#combined = combined;
      this.watermarks.push(combined);
    }
  }
}

/** Polls until `until` holds or the input ends, letting all else run whenever nothing is available. */
export async function pump(
  harness: ReaderHarness,
  reader: Pick<SourceReader<number, NumbersSplit>, "pollNext">,
  output: ReaderOutput<number>,
  until: () => boolean = () => false,
): Promise<InputStatus> {
  let quiet = 0;
  for (let i = 0; i < 1_000_000 && quiet < 3; i++) {
    if (until()) return "MORE_AVAILABLE";
    const status = reader.pollNext(output);
    if (status === "END_OF_INPUT") return status;
    if (status === "MORE_AVAILABLE") {
      quiet = 0;
      continue;
    }
    quiet++;
    await harness.settle();
  }
  return "NOTHING_AVAILABLE";
}
