import type { SourceReaderContext } from "../../api/source-reader.js";
import { fileMetrics } from "../../files/index.js";
import { SingleThreadFetcherManager } from "../../reader/single-thread-fetcher-manager.js";
import { SourceReaderBase } from "../../reader/source-reader-base.js";
import type { ParsedParquetOptions } from "./options.js";
import type { ParquetRow } from "./parquet-batch.js";
import type { ParquetSplit } from "./parquet-split.js";
import { ParquetSplitReader } from "./parquet-split-reader.js";

/** A split while it is read; `position` moves with every row. */
interface ParquetSplitState {
  readonly split: ParquetSplit;
  position: number;
}

/** Reads the row groups of one subtask through one fetcher; called in the operator's loop. */
export class ParquetReader<T> extends SourceReaderBase<
  ParquetRow<T>,
  T,
  ParquetSplit,
  ParquetSplitState
> {
  readonly #asksForSplits: boolean;

  constructor(context: SourceReaderContext, options: ParsedParquetOptions) {
    const metrics = context.metricGroup.group("parquet");
    const files = fileMetrics(context.metricGroup);
    context.metricGroup.gauge("numBytesIn", () => files.bytesRead.count);
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<ParquetRow<T>, ParquetSplit>({
        context,
        splitReaderFactory: () => new ParquetSplitReader<T>(options, metrics, files),
      }),
      recordEmitter: {
        emitRecord(row, output, state) {
          if (row.bad === undefined) output.collect(row.value);
          else context.reportBadRecord({ splitId: state.split.splitId, ...row.bad });
          state.position = row.position;
        },
      },
    });
    this.#asksForSplits = options.files.assignment === "on-request";
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
