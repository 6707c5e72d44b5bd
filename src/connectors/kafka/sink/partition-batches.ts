import type { KafkaErrorName } from "../client/kafka-client.js";
import {
  type AppendHeader,
  nextSequence,
  RecordBatchBuilder,
  type RecordBatchBuilderOptions,
} from "../records/index.js";
import type { PartitionedTopic } from "./partitioner.js";
import type { KafkaField } from "./record-serializer.js";

/** A batch that is on its way, or waits for the one before it. */
export interface Batch {
  readonly bytes: Buffer;
  readonly records: number;
  /** -1: the producer is not idempotent. */
  readonly baseSequence: number;
  /** When its first record came, on the monotonic clock. */
  readonly createdAt: number;
  tries: number;
  lastError: KafkaErrorName | undefined;
}

/** What the batches of all partitions have in common. */
export interface BatchSettings {
  readonly builder: RecordBatchBuilderOptions;
  /** A batch with so many bytes takes no further record. */
  readonly batchSize: number;
  readonly isIdempotent: boolean;
}

/**
 * The records of one partition that are not in its log yet.
 *
 * Owns: the open batch and the built ones, the oldest first; the sequence of the next one.
 * Called by: its producer.
 * Invariants: one batch at most is under way, so the order is kept whatever is tried again; a batch that
 * was built is sent with the same bytes each time, so that the broker knows it again.
 */
export class PartitionBatches {
  readonly topic: string;
  readonly partition: number;
  /** Its first batch is under way, or waits to be tried again. */
  isBusy = false;
  /** The open batch is to be sent, however small it is. */
  isDue = false;
  /** The open transaction has this partition. */
  isInTransaction = false;
  readonly #settings: BatchSettings;
  readonly #owner: PartitionedTopic;
  #builder: RecordBatchBuilder | undefined;
  #openedAt = 0;
  #queue: Batch[] = [];
  #sequence = 0;

  constructor(owner: PartitionedTopic, partition: number, settings: BatchSettings) {
    this.topic = owner.name;
    this.partition = partition;
    this.#owner = owner;
    this.#settings = settings;
  }

  get hasOpen(): boolean {
    return this.#builder !== undefined && this.#builder.recordCount > 0;
  }

  /** Something is to be sent, and may be. */
  get isReady(): boolean {
    return !this.isBusy && (this.#queue.length > 0 || (this.isDue && this.hasOpen));
  }

  get first(): Batch | undefined {
    return this.#queue[0];
  }

  /** Bytes held. */
  get size(): number {
    let size = this.hasOpen ? (this.#builder?.sizeInBytes ?? 0) : 0;
    for (const { bytes } of this.#queue) size += bytes.length;
    return size;
  }

  /** By how many bytes it grows. Throws LIMIT_EXCEEDED for a record that fits into no batch. */
  append(
    key: KafkaField,
    value: KafkaField,
    headers: readonly AppendHeader[] | undefined,
    timestamp: number,
    now: () => number,
  ): number {
    let grown = 0;
    this.#builder ??= new RecordBatchBuilder(this.#settings.builder);
    const builder = this.#builder;
    let before = this.hasOpen ? builder.sizeInBytes : 0;
    if (!builder.append(key, value, headers, timestamp)) {
      grown += this.build();
      before = 0;
      builder.append(key, value, headers, timestamp);
    }
    if (builder.recordCount === 1) this.#openedAt = now();
    grown += builder.sizeInBytes - before;
    if (builder.sizeInBytes >= this.#settings.batchSize) grown += this.build();
    return grown;
  }

  /** Ends the open batch; by how many bytes it grows, mostly less than 0. */
  build(): number {
    const builder = this.#builder;
    if (builder === undefined || builder.recordCount === 0) return 0;
    const { sizeInBytes: size, recordCount: records } = builder;
    const baseSequence = this.#settings.isIdempotent ? this.#sequence : -1;
    if (this.#settings.isIdempotent) this.#sequence = nextSequence(this.#sequence, records);
    const bytes = builder.build(baseSequence);
    this.#queue.push({
      bytes,
      records,
      baseSequence,
      createdAt: this.#openedAt,
      tries: 0,
      lastError: undefined,
    });
    this.isDue = false;
    this.#owner.sticky = (this.partition + 1) % this.#owner.partitionCount;
    return bytes.length - size;
  }

  /** Frees the buffer of a partition that has nothing to do. */
  rest(): void {
    if (!this.hasOpen) this.#builder = undefined;
  }

  /** The first batch is done with. */
  removeFirst(): void {
    this.#queue.shift();
  }

  /** The first batch goes in parts. */
  replaceFirst(parts: readonly Batch[]): void {
    this.#queue.splice(0, 1, ...parts);
  }

  /** The next batch is the first of another producer identity. */
  restartSequence(): void {
    this.#sequence = 0;
    this.isInTransaction = false;
  }
}
