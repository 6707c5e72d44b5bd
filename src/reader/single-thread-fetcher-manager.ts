import type { SourceSplit } from "../api/source-split.js";
import { SplitFetcherManager } from "./split-fetcher-manager.js";

/**
 * One fetcher reads all splits at once through one split reader, as a Kafka consumer does (Flink
 * `SingleThreadFetcherManager`).
 */
export class SingleThreadFetcherManager<E, SplitT extends SourceSplit> extends SplitFetcherManager<
  E,
  SplitT
> {
  override addSplits(splits: readonly SplitT[]): void {
    this.sendSplits(this.runningFetcher() ?? this.createSplitFetcher(), splits);
  }
}
