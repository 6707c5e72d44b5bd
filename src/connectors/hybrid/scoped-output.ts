import type {
  PollBudget,
  ReaderOutput,
  SourceOutput,
  SplitIterator,
} from "../../api/source-reader.js";
import type { Timestamp, Watermark } from "../../api/watermark.js";
import { hybridSplitId } from "./hybrid-split.js";

/** The operator's output as the reader of one source sees it: with the source's own split ids. */
export class ScopedOutput<T> implements ReaderOutput<T> {
  readonly output: ReaderOutput<T>;
  readonly collectFrom?: (records: SplitIterator<T>, budget: PollBudget) => number;
  readonly #sourceIndex: number;

  constructor(output: ReaderOutput<T>, sourceIndex: number) {
    this.output = output;
    this.#sourceIndex = sourceIndex;
    const collectFrom = output.collectFrom?.bind(output);
    if (collectFrom !== undefined) this.collectFrom = collectFrom;
  }

  collect(record: T, timestamp?: Timestamp): void {
    this.output.collect(record, timestamp);
  }

  emitWatermark(watermark: Watermark): void {
    this.output.emitWatermark(watermark);
  }

  markIdle(): void {
    this.output.markIdle();
  }

  markActive(): void {
    this.output.markActive();
  }

  createOutputForSplit(splitId: string): SourceOutput<T> {
    return this.output.createOutputForSplit(hybridSplitId(this.#sourceIndex, splitId));
  }

  releaseOutputForSplit(splitId: string): void {
    this.output.releaseOutputForSplit(hybridSplitId(this.#sourceIndex, splitId));
  }
}
