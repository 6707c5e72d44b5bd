import * as v from "valibot";
import type { SourceSplit } from "../api/source-split.js";
import { parseOptions, wholeNumber } from "../options/parse-options.js";
import { fetcherManagerEntries, type SplitFetcherManagerOptions } from "./split-fetcher-manager.js";
import { WaitingSplitsFetcherManager } from "./waiting-splits-fetcher-manager.js";

/** Options of a manager that reads several splits at once, each through a split reader of its own. */
export interface FetcherPerSplitManagerOptions<E, SplitT extends SourceSplit>
  extends SplitFetcherManagerOptions<E, SplitT> {
  /** Further splits wait in line; default 16. */
  readonly maxConcurrentFetchers?: number;
}

/**
 * Each split has a fetcher and a split reader of its own (Flink's one-thread-per-split model).
 *
 * A fetcher whose split is paused does not count towards the limit: otherwise paused splits could
 * keep out the one that they wait for.
 */
export class FetcherPerSplitManager<
  E,
  SplitT extends SourceSplit,
> extends WaitingSplitsFetcherManager<E, SplitT> {
  readonly #maxConcurrentFetchers: number;

  constructor(options: FetcherPerSplitManagerOptions<E, SplitT>) {
    const parsed = parseOptions(
      "fetcherManager",
      v.strictObject({
        ...fetcherManagerEntries,
        maxConcurrentFetchers: v.optional(wholeNumber(1), 16),
      }),
      options,
    );
    super(options, parsed);
    this.#maxConcurrentFetchers = parsed.maxConcurrentFetchers;
  }

  protected override freeFetcher(): number | "NEW" | undefined {
    let running = 0;
    for (const view of this.fetchers) {
      if (this.ownership.numberRunning(view.fetcher) > 0) running++;
    }
    return running < this.#maxConcurrentFetchers ? "NEW" : undefined;
  }
}
