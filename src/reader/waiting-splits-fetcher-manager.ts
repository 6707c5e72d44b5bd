import type { SourceSplit } from "../api/source-split.js";
import { SplitFetcherManager } from "./split-fetcher-manager.js";

/**
 * Keeps splits in line until a fetcher may have them; a paused split lets those behind it pass.
 *
 * Owns: the waiting splits, in the order in which they came.
 */
export abstract class WaitingSplitsFetcherManager<
  E,
  SplitT extends SourceSplit,
> extends SplitFetcherManager<E, SplitT> {
  readonly #waiting = new Map<string, SplitT>();

  override addSplits(splits: readonly SplitT[]): void {
    const news = splits.filter((split) => !this.#waiting.has(split.splitId));
    for (const split of splits) this.#waiting.set(split.splitId, split);
    this.joinLine(news);
    this.onFetchersChanged();
  }

  override removeSplits(splits: readonly SplitT[]): void {
    for (const { splitId } of splits) {
      if (!this.#waiting.delete(splitId)) continue;
      this.leaveLine();
      this.ownership.forget(splitId);
    }
    super.removeSplits(splits);
  }

  /** Whether one more split may be given away, and to whom: an alive fetcher, or a new one. */
  protected abstract freeFetcher(): number | "NEW" | undefined;

  protected override onFetchersChanged(): void {
    // Each turn takes one split out of the line.
    for (let split = this.#next(); split !== undefined; split = this.#next()) {
      const free = this.freeFetcher();
      if (free === undefined) return;
      const fetcher = free === "NEW" ? this.createSplitFetcher() : free;
      this.#waiting.delete(split.splitId);
      this.leaveLine();
      this.sendSplits(fetcher, [split]);
    }
  }

  #next(): SplitT | undefined {
    if (!this.isOpen) return undefined;
    for (const split of this.#waiting.values()) {
      if (!this.ownership.isPaused(split.splitId)) return split;
    }
    return undefined;
  }
}
