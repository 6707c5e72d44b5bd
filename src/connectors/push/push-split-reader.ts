import type { SourceReaderContext } from "../../api/source-reader.js";
import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../api/split-reader.js";
import { WakeUpSignal } from "../../reader/wake-up-signal.js";
import type { HandedOver, Overflow } from "./hand-over.js";
import type { Producer } from "./producer.js";
import { Producing } from "./producing.js";
import { PushBatch, type Pushed } from "./push-batch.js";
import type { PushSplit } from "./push-split.js";

/** Records in one batch. */
const BATCH_SIZE = 512;
const NOTHING: HandedOver<never> = { values: [], timestamps: [], positions: [], controls: [] };

/** What the reader needs to know of its options. */
export interface Pushing<T> {
  readonly name: string;
  readonly bufferSize: number;
  readonly overflow: Overflow;
  /** A producer for one run. */
  readonly createProducer: () => Producer<T>;
}

/**
 * Owns: the one split and the run of its producer. Called by: one split fetcher.
 * Invariants: the producer starts with the first fetch; records come once and in order; nothing is
 * taken while the split is paused.
 */
export class PushSplitReader<T> implements SplitReader<Pushed<T>, PushSplit> {
  readonly #context: SourceReaderContext;
  readonly #pushing: Pushing<T>;
  readonly #wakeUp = new WakeUpSignal();
  #split: PushSplit | undefined;
  #producing: Producing<T> | undefined;
  #paused = false;

  constructor(context: SourceReaderContext, pushing: Pushing<T>) {
    this.#context = context;
    this.#pushing = pushing;
  }

  handleSplitsChanges(change: SplitsChange<PushSplit>): void | Promise<void> {
    const split = change.splits[0];
    if (change.type === "ADDITION") {
      if (split !== undefined) this.#split = split;
      return;
    }
    return this.#finish();
  }

  pauseOrResumeSplits(toPause: readonly PushSplit[], toResume: readonly PushSplit[]): void {
    if (toPause.length > 0) this.#paused = true;
    if (toResume.length > 0) this.#paused = false;
  }

  wakeUp(): void {
    this.#wakeUp.signal();
  }

  /** Throws what the producer failed with, behind the records before. */
  async fetch(): Promise<RecordsWithSplitIds<Pushed<T>>> {
    const split = this.#split;
    if (split === undefined || this.#paused) {
      await this.#wakeUp.wait();
      return new PushBatch<T>("", NOTHING, false);
    }
    this.#producing ??= this.#start(split);
    const { handOver } = this.#producing;
    const news = handOver.wait();
    if (news !== undefined) await this.#wakeUp.race(news);
    const content = handOver.take(BATCH_SIZE);
    const isLast = handOver.isDone;
    if (isLast) await this.#finish();
    return new PushBatch(split.splitId, content, isLast);
  }

  async close(): Promise<void> {
    this.#wakeUp.signal();
    await this.#finish();
  }

  #start(split: PushSplit): Producing<T> {
    const { name, bufferSize, overflow, createProducer } = this.#pushing;
    return new Producing({
      name,
      bufferSize,
      overflow,
      producer: createProducer(),
      restoredPosition: split.position,
      processingTime: this.#context.processingTime,
      metricGroup: this.#context.metricGroup.group("push"),
    });
  }

  async #finish(): Promise<void> {
    const producing = this.#producing;
    this.#producing = undefined;
    this.#split = undefined;
    await producing?.stop();
  }
}
