import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../api/split-reader.js";
import { HeadwaterError } from "../../errors/index.js";
import { WakeUpSignal } from "../wake-up-signal.js";
import type { Collection } from "./collection-input.js";
import type { CollectionSplit } from "./collection-split.js";
import type { ElementPuller } from "./element-puller.js";

const NONE: ReadonlySet<string> = new Set();

/** Elements in one batch. */
export const BATCH_SIZE = 512;

/** An element in a box, so that null and undefined are elements too; the box is used again. */
export interface Boxed<T> {
  value: T;
}

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
      return new CollectionBatch<T>("", [], false);
    }
    try {
      this.#puller ??= this.#collection.open(split.position);
      const news = this.#puller.wait();
      if (news !== undefined) await this.#wakeUp.race(news);
      const elements = this.#puller.take(BATCH_SIZE);
      const isLast = this.#puller.isDone;
      if (isLast) await this.#finish();
      return new CollectionBatch(split.splitId, elements, isLast);
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

class CollectionBatch<T> implements RecordsWithSplitIds<Boxed<T>> {
  readonly #elements: readonly T[];
  readonly #finished: ReadonlySet<string>;
  readonly #box = {} as Boxed<T>;
  #splitId: string | null;
  #next = 0;

  constructor(splitId: string, elements: readonly T[], isLast: boolean) {
    this.#splitId = elements.length === 0 ? null : splitId;
    this.#elements = elements;
    this.#finished = isLast ? new Set([splitId]) : NONE;
  }

  nextSplit(): string | null {
    const splitId = this.#splitId;
    this.#splitId = null;
    return splitId;
  }

  nextRecordFromSplit(): Boxed<T> | null {
    if (this.#next >= this.#elements.length) return null;
    this.#box.value = this.#elements[this.#next++] as T;
    return this.#box;
  }

  finishedSplits(): ReadonlySet<string> {
    return this.#finished;
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
