import type { SourceReaderContext } from "../../api/source-reader.js";
import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../api/split-reader.js";
import {
  RecordsBySplits,
  SingleThreadFetcherManager,
  SourceReaderBase,
} from "../../reader/index.js";
import type { MemoryLog } from "./memory-log.js";
import type { MemoryLogSplit } from "./memory-log-split.js";

/** A record with its place in the split. */
interface LogElement<T> {
  readonly record: T;
  readonly position: number;
}

/** The splits that one fetcher reads, each up to where it has been fetched. */
export class MemoryLogSplitReader<T> implements SplitReader<LogElement<T>, MemoryLogSplit> {
  readonly #log: MemoryLog<T>;
  readonly #fetchSize: number;
  readonly #splits = new Map<string, { readonly split: number; position: number }>();
  readonly #paused = new Set<string>();
  #wakeUp: () => void = () => {};
  #isWoken = false;

  constructor(log: MemoryLog<T>, fetchSize: number) {
    this.#log = log;
    this.#fetchSize = fetchSize;
  }

  async fetch(): Promise<RecordsWithSplitIds<LogElement<T>>> {
    const batch = RecordsBySplits.builder<LogElement<T>>();
    // What changes while one split is read may be in another that was read before.
    const { changes } = this.#log;
    let isEmpty = true;
    for (const [splitId, place] of this.#splits) {
      if (this.#paused.has(splitId)) continue;
      const { records, isLast } = await this.#log.read(
        place.split,
        place.position,
        this.#fetchSize,
      );
      for (const record of records) batch.add(splitId, { record, position: place.position++ });
      if (isLast) {
        this.#splits.delete(splitId);
        batch.addFinishedSplit(splitId);
      }
      isEmpty &&= records.length === 0 && !isLast;
    }
    if (isEmpty && changes === this.#log.changes) await this.#change();
    this.#isWoken = false;
    return batch.build();
  }

  handleSplitsChanges({ type, splits }: SplitsChange<MemoryLogSplit>): void {
    for (const { splitId, split, position } of splits) {
      if (type === "ADDITION") this.#splits.set(splitId, { split, position });
      else this.#splits.delete(splitId);
    }
  }

  pauseOrResumeSplits(
    toPause: readonly MemoryLogSplit[],
    toResume: readonly MemoryLogSplit[],
  ): void {
    for (const { splitId } of toPause) this.#paused.add(splitId);
    for (const { splitId } of toResume) this.#paused.delete(splitId);
  }

  wakeUp(): void {
    this.#isWoken = true;
    this.#wakeUp();
  }

  close(): void {}

  /** Until the log has changed, or somebody wants the fetch to end. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isWoken) return resolve();
      const forget = this.#log.onChange(resolve);
      const wakeUp = (): void => {
        forget();
        resolve();
      };
      this.#wakeUp = wakeUp;
    });
  }
}

interface LogSplitState {
  readonly split: MemoryLogSplit;
  position: number;
}

/** Emits what the fetcher brings, and knows how far each split has been emitted. */
export class MemoryLogReader<T> extends SourceReaderBase<
  LogElement<T>,
  T,
  MemoryLogSplit,
  LogSplitState
> {
  constructor(
    context: SourceReaderContext,
    splitReaderFactory: () => SplitReader<LogElement<T>, MemoryLogSplit>,
  ) {
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager({ context, splitReaderFactory }),
      recordEmitter: {
        emitRecord({ record, position }, output, state) {
          output.collect(record);
          state.position = position + 1;
        },
      },
    });
  }

  protected override initializedState(split: MemoryLogSplit): LogSplitState {
    return { split, position: split.position };
  }

  protected override toSplitType(_splitId: string, state: LogSplitState): MemoryLogSplit {
    return { ...state.split, position: state.position };
  }
}
