import type { SourceSplit } from "../api/source-split.js";
import { WaitingSplitsFetcherManager } from "./waiting-splits-fetcher-manager.js";

/**
 * One fetcher reads one split after another, as a reader of files does: the next split is given
 * when the current one has been handed over whole.
 */
export class SequentialFetcherManager<
  E,
  SplitT extends SourceSplit,
> extends WaitingSplitsFetcherManager<E, SplitT> {
  protected override freeFetcher(): number | "NEW" | undefined {
    const [view] = this.fetchers;
    if (view === undefined) return "NEW";
    const isFree = this.ownership.numberOwned(view.fetcher) === 0 && !view.failed;
    return isFree ? view.fetcher : undefined;
  }
}
