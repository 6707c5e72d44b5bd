import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../../api/split-reader.js";
import { RecordColumns } from "../records/index.js";
import { type DecodeOptions, KafkaFetch } from "./kafka-fetch.js";
import type { KafkaPartitionSplit } from "./kafka-split.js";
import {
  PartitionConsumer,
  type PartitionConsumerOptions,
  type PartitionConsumerParts,
  type Polled,
} from "./partition-consumer.js";
import { RecordPlace } from "./record-place.js";
import { type PrepareColumns, RecordPreparation } from "./record-preparation.js";

/** How fetched bytes are decoded. */
export type KafkaDecodeOptions = Omit<DecodeOptions, "codecs">;

/**
 * Reads all partitions of a subtask through one consumer (Flink `KafkaPartitionSplitReader`).
 *
 * Owns: the consumer, and the columns into which its fetches are decoded. Called by: one split fetcher.
 * Invariants: no record at or behind a stopping offset is handed out; a split is finished with the fetch
 * that reaches its end, also when nothing of it was there to read.
 */
export class KafkaSplitReader implements SplitReader<RecordPlace, KafkaPartitionSplit> {
  readonly #consumer: PartitionConsumer;
  readonly #decode: KafkaDecodeOptions;
  readonly #parts: PartitionConsumerParts;
  readonly #reuse = { columns: new RecordColumns(), place: new RecordPlace() };
  readonly #preparation: RecordPreparation | undefined;
  #removed: string[] = [];
  /** What was polled while what its records need is loaded. */
  #held: { readonly polled: Polled; readonly prepared: Promise<void> } | undefined;
  #isWokenUp = false;
  #onWakeUp: (() => void) | undefined;

  /** `prepare`: loads what the records need before they are handed out. */
  constructor(
    options: PartitionConsumerOptions,
    decode: KafkaDecodeOptions,
    parts: PartitionConsumerParts,
    prepare?: PrepareColumns,
  ) {
    this.#consumer = new PartitionConsumer(options, parts);
    this.#decode = decode;
    this.#parts = parts;
    this.#preparation = prepare && new RecordPreparation(prepare, parts);
  }

  async fetch(): Promise<RecordsWithSplitIds<RecordPlace>> {
    const codecs = await this.#parts.codecs();
    const removed = this.#removed;
    if (removed.length > 0) this.wakeUp();
    const options = { codecs, ...this.#decode };
    const { records, ended } =
      this.#preparation === undefined
        ? await this.#consumer.poll()
        : await this.#pollPrepared(this.#preparation, removed, options);
    this.#removed = this.#removed.filter((splitId) => !removed.includes(splitId));
    return new KafkaFetch(records, new Set([...ended, ...removed]), options, this.#reuse, (part) =>
      this.#consumer.release(part),
    );
  }

  handleSplitsChanges({ type, splits }: SplitsChange<KafkaPartitionSplit>): void {
    if (type === "ADDITION") {
      this.#consumer.assign(splits);
      return;
    }
    for (const { splitId } of splits) {
      this.#consumer.unassign(splitId);
      this.#removed.push(splitId);
    }
  }

  pauseOrResumeSplits(
    toPause: readonly KafkaPartitionSplit[],
    toResume: readonly KafkaPartitionSplit[],
  ): void {
    this.#consumer.setPaused(idsOf(toPause), true);
    this.#consumer.setPaused(idsOf(toResume), false);
  }

  wakeUp(): void {
    this.#isWokenUp = true;
    this.#onWakeUp?.();
    this.#consumer.wakeUp();
  }

  close(): void {
    this.#preparation?.close();
    this.#consumer.close();
    this.wakeUp();
  }

  /** What was polled, when its records can be decoded; nothing when it is woken up before. */
  async #pollPrepared(
    preparation: RecordPreparation,
    removed: readonly string[],
    options: DecodeOptions,
  ): Promise<Polled> {
    if (this.#held === undefined) {
      const polled = await this.#consumer.poll();
      const prepared = preparation.run(polled.records, options);
      // It may fail while nobody waits for it.
      prepared.catch(() => {});
      this.#held = { polled, prepared };
    }
    const { polled, prepared } = this.#held;
    const isPrepared = await Promise.race([
      prepared.then(() => true),
      new Promise<boolean>((resolve) => {
        const giveUp = (): void => resolve(false);
        this.#onWakeUp = giveUp;
        if (this.#isWokenUp) resolve(false);
      }),
    ]);
    this.#onWakeUp = undefined;
    this.#isWokenUp = false;
    if (!isPrepared) return { records: [], ended: [] };
    this.#held = undefined;
    const records = polled.records.filter((part) => {
      if (!removed.includes(part.splitId)) return true;
      this.#consumer.release(part);
      return false;
    });
    return { records, ended: polled.ended.filter((splitId) => !removed.includes(splitId)) };
  }
}

function idsOf(splits: readonly KafkaPartitionSplit[]): string[] {
  return splits.map(({ splitId }) => splitId);
}
