import type { SourceSplit } from "../api/source-split.js";
import { SourceReaderBase } from "../reader/source-reader-base.js";

/** The reader of a source with one split: whichever subtask asks first gets it, the others end. */
export abstract class SingleSplitReader<
  E,
  T,
  SplitT extends SourceSplit,
  SplitStateT,
> extends SourceReaderBase<E, T, SplitT, SplitStateT> {
  override start(): void {
    this.#askForSplit();
  }

  protected override onSplitFinished(): void {
    this.#askForSplit();
  }

  #askForSplit(): void {
    if (this.numberOfCurrentlyAssignedSplits === 0) this.context.sendSplitRequest();
  }
}
