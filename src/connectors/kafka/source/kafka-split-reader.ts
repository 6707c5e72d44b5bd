import type { RecordsWithSplitIds, SplitReader, SplitsChange } from "../../../api/split-reader.js";
import { RecordColumns } from "../records/index.js";
import { type DecodeOptions, KafkaFetch } from "./kafka-fetch.js";
import type { KafkaPartitionSplit } from "./kafka-split.js";
import {
  PartitionConsumer,
  type PartitionConsumerOptions,
  type PartitionConsumerParts,
} from "./partition-consumer.js";
import { RecordPlace } from "./record-place.js";

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
  #removed: string[] = [];

  constructor(
    options: PartitionConsumerOptions,
    decode: KafkaDecodeOptions,
    parts: PartitionConsumerParts,
  ) {
    this.#consumer = new PartitionConsumer(options, parts);
    this.#decode = decode;
    this.#parts = parts;
  }

  async fetch(): Promise<RecordsWithSplitIds<RecordPlace>> {
    const codecs = await this.#parts.codecs();
    const removed = this.#removed;
    if (removed.length > 0) this.#consumer.wakeUp();
    const { records, ended } = await this.#consumer.poll();
    this.#removed = this.#removed.filter((splitId) => !removed.includes(splitId));
    return new KafkaFetch(
      records,
      new Set([...ended, ...removed]),
      { codecs, ...this.#decode },
      this.#reuse,
      (part) => this.#consumer.release(part),
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
    this.#consumer.wakeUp();
  }

  close(): void {
    this.#consumer.close();
  }
}

function idsOf(splits: readonly KafkaPartitionSplit[]): string[] {
  return splits.map(({ splitId }) => splitId);
}
