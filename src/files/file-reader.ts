import type { SourceReaderContext } from "../api/source-reader.js";
import { SingleThreadFetcherManager } from "../reader/single-thread-fetcher-manager.js";
import { SourceReaderBase } from "../reader/source-reader-base.js";
import { fileMetrics } from "./disk-file.js";
import type { FileFormat, FileRecord } from "./file-format.js";
import { FileRecords } from "./file-records.js";
import type { ParsedFileSourceOptions } from "./file-source-options.js";
import type { FileSplit } from "./file-split.js";
import { FileSplitReader } from "./file-split-reader.js";
import { isCompressed } from "./file-splits.js";

/** A split while it is read. */
interface FileSplitState {
  readonly split: FileSplit;
  position: number;
  skip: number;
}

/** Reads the file splits of one subtask through one fetcher; called in the operator's loop. */
export class FileReader<T> extends SourceReaderBase<FileRecord<T>, T, FileSplit, FileSplitState> {
  readonly #asksForSplits: boolean;

  constructor(
    context: SourceReaderContext,
    options: ParsedFileSourceOptions,
    format: FileFormat<T>,
  ) {
    const metrics = fileMetrics(context.metricGroup);
    context.metricGroup.gauge("numBytesIn", () => metrics.bytesRead.count);
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<FileRecord<T>, FileSplit>({
        context,
        splitReaderFactory: () => new FileSplitReader<T>(options, format, metrics),
      }),
      recordEmitter: {
        emitRecord(record, output, state) {
          if (record.bad === undefined) output.collect(record.value);
          else context.reportBadRecord({ splitId: state.split.splitId, ...record.bad });
          state.position = record.position;
          state.skip = record.skip;
        },
        emitSome(fetch, output, state, budget) {
          if (output.collectFrom === undefined || !(fetch instanceof FileRecords)) return 0;
          const run = (fetch as FileRecords<T>).run;
          if (run === undefined || !run.hasNext()) return 0;
          const records = output.collectFrom(run, budget);
          state.position = run.position;
          state.skip = 0;
          return records;
        },
      },
    });
    this.#asksForSplits = options.assignment === "on-request";
    context.metricGroup.gauge("pendingBytes", () => {
      let pending = 0;
      for (const { split, position } of this.splitStates()) {
        // Positions of compressed files count decompressed bytes.
        const at = isCompressed(split.path, options) ? split.start : position;
        pending += split.end - Math.min(split.end, Math.max(split.start, at));
      }
      return pending;
    });
  }

  override start(): void {
    this.#askForSplit();
  }

  protected override initializedState(split: FileSplit): FileSplitState {
    return { split, position: split.position, skip: split.skip };
  }

  protected override toSplitType(_splitId: string, state: FileSplitState): FileSplit {
    return { ...state.split, position: state.position, skip: state.skip };
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
