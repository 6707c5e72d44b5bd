import type { SourceReaderContext } from "../../api/source-reader.js";
import type { RecordEmitter } from "../../api/split-reader.js";
import { SingleThreadFetcherManager } from "../../reader/single-thread-fetcher-manager.js";
import { SourceReaderBase } from "../../reader/source-reader-base.js";
import type { ParsedParquetOptions } from "./options.js";
import type { ParquetSplit, ParquetSplitState } from "./parquet-split.js";
import { ParquetSplitReader } from "./parquet-split-reader.js";

/** Emits rows as they are and counts them; the count is the position to resume at. */
function rowEmitter<T>(): RecordEmitter<T, T, ParquetSplitState> {
  return {
    emitRecord(row, output, state) {
      output.collect(row);
      state.position++;
    },
  };
}

/** Reads the row groups of one subtask through one fetcher; called in the operator's loop. */
export class ParquetReader<T> extends SourceReaderBase<T, T, ParquetSplit, ParquetSplitState> {
  readonly #asksForSplits: boolean;

  constructor(context: SourceReaderContext, options: ParsedParquetOptions) {
    const metrics = context.metricGroup.group("parquet");
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<T, ParquetSplit>({
        context,
        splitReaderFactory: () => new ParquetSplitReader<T>(options, metrics),
      }),
      recordEmitter: rowEmitter<T>(),
    });
    this.#asksForSplits = options.assignment === "on-request";
  }

  override start(): void {
    this.#askForSplit();
  }

  protected override initializedState(split: ParquetSplit): ParquetSplitState {
    return { split, position: split.position };
  }

  protected override toSplitType(_splitId: string, state: ParquetSplitState): ParquetSplit {
    return { ...state.split, position: state.position };
  }

  protected override onSplitFinished(): void {
    this.#askForSplit();
  }

  #askForSplit(): void {
    if (this.#asksForSplits && this.numberOfCurrentlyAssignedSplits === 0) {
      this.context.sendSplitRequest();
    }
  }
}
