import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../api/split-reader.js";
import { HeadwaterError } from "../../errors/index.js";
import { WakeUpSignal } from "../../reader/wake-up-signal.js";
import { type Boxed, ElementBatch } from "../element-batch.js";
import type { Collection } from "./collection-input.js";
import type { CollectionSplit } from "./collection-split.js";
import type { ElementPuller } from "./element-puller.js";

/** Elements in one batch. */
export const BATCH_SIZE = 512;

/**
 * Owns: the one split and the open collection. Called by: one split fetcher.
 * Invariants: elements come once and in order; nothing is pulled while the split is paused.
 */
export class CollectionSplitReader<T> implements SplitReader<Boxed<T>, CollectionSplit> {
  readonly #collection: Collection<T>;
  readonly #wakeUp = new WakeUpSignal();
  #split: CollectionSplit | undefined;
  #puller: ElementPuller<T> | undefined;
  #paused = false;

  constructor(collection: Collection<T>) {
    this.#collection = collection;
  }

  handleSplitsChanges(change: SplitsChange<CollectionSplit>): void | Promise<void> {
    const split = change.splits[0];
    if (change.type === "ADDITION") {
      if (split !== undefined) this.#split = split;
      return;
    }
    return this.#finish();
  }

  pauseOrResumeSplits(
    toPause: readonly CollectionSplit[],
    toResume: readonly CollectionSplit[],
  ): void {
    if (toPause.length > 0) this.#paused = true;
    if (toResume.length > 0) this.#paused = false;
  }

  wakeUp(): void {
    this.#wakeUp.signal();
  }

  async fetch(): Promise<RecordsWithSplitIds<Boxed<T>>> {
    const split = this.#split;
    if (split === undefined || this.#paused) {
      await this.#wakeUp.wait();
      return new ElementBatch<T>("", [], false);
    }
    try {
      this.#puller ??= this.#collection.open(split.position);
      const news = this.#puller.wait();
      if (news !== undefined) await this.#wakeUp.race(news);
      const elements = this.#puller.take(BATCH_SIZE);
      const isLast = this.#puller.isDone;
      if (isLast) await this.#finish();
      return new ElementBatch(split.splitId, elements, isLast);
    } catch (error) {
      throw collectionFailed(error);
    }
  }

  async close(): Promise<void> {
    this.#wakeUp.signal();
    await this.#finish();
  }

  async #finish(): Promise<void> {
    const puller = this.#puller;
    this.#puller = undefined;
    this.#split = undefined;
    await puller?.close();
  }
}

function collectionFailed(cause: unknown): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  return new HeadwaterError("READER_FAILED", "the collection threw while it was read", {
    domain: "user",
    retry: "backoff",
    scope: "reader",
    cause,
  });
}
