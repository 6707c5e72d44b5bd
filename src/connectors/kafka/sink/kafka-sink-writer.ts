import type { SinkWriter, SinkWriterContext } from "../../../api/sink.js";
import type { Timestamp } from "../../../api/watermark.js";
import type { HeadwaterError } from "../../../errors/index.js";
import type { KafkaClient } from "../client/kafka-client.js";
import type { KafkaCommittable } from "./kafka-committer.js";
import type { KafkaProducer } from "./kafka-producer.js";
import type { ParsedKafkaSinkOptions } from "./kafka-sink-options.js";
import { type ChoosePartition, compilePartitioner } from "./partitioner.js";
import { sinkError } from "./producer-errors.js";
import { type CompiledSerializer, compileSerializer, FieldRefused } from "./record-serializer.js";
import type { Retries } from "./retries.js";
import type { ProducerTopic } from "./topic-partitions.js";
import type { KafkaWriterState, TransactionalIds } from "./transactional-ids.js";

/** What a writer is made of. */
export interface KafkaSinkWriterParts<T> {
  readonly owner: string;
  readonly options: ParsedKafkaSinkOptions<T>;
  readonly client: KafkaClient;
  readonly retries: Retries;
  readonly producer: KafkaProducer;
  /** For exactly-once. */
  readonly transactions: TransactionalIds | undefined;
}

/**
 * Writes one subtask's records into topics (Flink `KafkaWriter`, `ExactlyOnceKafkaWriter`).
 *
 * Owns: its producer, client and open transaction. Called by: the subtask's loop.
 * Invariants: records of a partition keep their order; after `flush` all of them are in the logs, for
 * exactly-once in one transaction, which `prepareCommit` gives away; one that is empty is never begun.
 */
export class KafkaSinkWriter<T> implements SinkWriter<T, KafkaWriterState, KafkaCommittable> {
  readonly #parts: KafkaSinkWriterParts<T>;
  readonly #producer: KafkaProducer;
  readonly #context: SinkWriterContext;
  readonly #serializer: CompiledSerializer<T>;
  readonly #choose: ChoosePartition<T>;
  readonly #topicOf: string | ((record: T) => string);
  #records = 0;
  /** The time of the records under way that have none. */
  #writtenAt = 0;

  constructor(context: SinkWriterContext, parts: KafkaSinkWriterParts<T>) {
    const { options } = parts;
    this.#context = context;
    this.#parts = parts;
    this.#producer = parts.producer;
    this.#serializer = compileSerializer(options.serializer);
    this.#choose = compilePartitioner(options.partitioner, context.indexOfSubtask);
    this.#topicOf = options.topic;
  }

  write(records: readonly T[], timestamps: readonly Timestamp[]): void | Promise<void> {
    this.#producer.check();
    this.#producer.topics.refreshOld();
    const { transactions } = this.#parts;
    if (transactions !== undefined && transactions.current === undefined) {
      return transactions.begin().then(() => this.#writeRest(records, timestamps, 0));
    }
    const next = this.#writeSome(records, timestamps, 0);
    if (next < records.length || this.#producer.isFull) {
      return this.#writeRest(records, timestamps, next);
    }
    this.#producer.send();
  }

  flush(endOfInput: boolean): void | Promise<void> {
    if (this.#parts.options.delivery !== "none" || endOfInput) return this.#producer.flush();
    this.#producer.sendAll();
  }

  prepareCommit(): readonly KafkaCommittable[] {
    const { transactions } = this.#parts;
    if (transactions === undefined || !this.#producer.hasTransaction) return [];
    this.#producer.endTransaction();
    return [transactions.prepared()];
  }

  snapshotState(): readonly KafkaWriterState[] {
    const { transactions } = this.#parts;
    return transactions === undefined ? [] : [transactions.state];
  }

  async close(): Promise<void> {
    const { transactions, client, retries } = this.#parts;
    const open = this.#producer.hasTransaction ? transactions?.current : undefined;
    const mayAbort = !this.#producer.hasFailed;
    this.#producer.close();
    retries.close();
    // Readers would wait for its timeout; a broker that is in trouble is left alone.
    if (open !== undefined && mayAbort) await client.endTransaction(open, false).catch(() => {});
    await client.close();
  }

  async #writeRest(
    records: readonly T[],
    timestamps: readonly Timestamp[],
    from: number,
  ): Promise<void> {
    let next = from;
    while (next < records.length) {
      next = this.#writeSome(records, timestamps, next);
      if (next < records.length && !this.#producer.isFull) {
        await this.#producer.topics.load(this.#topicNameOf(records[next] as T, next));
      }
      if (this.#producer.isFull) await this.#producer.whenNotFull();
    }
    if (this.#producer.isFull) await this.#producer.whenNotFull();
    this.#producer.send();
  }

  /** Where it stopped: for a topic that is not known yet, or when the memory is full. */
  #writeSome(records: readonly T[], timestamps: readonly Timestamp[], from: number): number {
    const { topics } = this.#producer;
    this.#writtenAt = this.#context.processingTime.now();
    let i = from;
    for (; i < records.length && !this.#producer.isFull; i++) {
      const record = records[i] as T;
      const topic = topics.get(this.#topicNameOf(record, i));
      if (topic === undefined) break;
      this.#append(topic, record, timestamps[i] as Timestamp, i - from);
    }
    this.#records += i - from;
    return i;
  }

  #append(topic: ProducerTopic, record: T, eventTime: Timestamp, at: number): void {
    const { key, value, headers, timestamp } = this.#serializer;
    let partition: number;
    let keyField: Uint8Array | string | null = null;
    let valueField: Uint8Array | string | null | undefined;
    let headerList: ReturnType<NonNullable<typeof headers>>;
    let time: number;
    try {
      valueField = value(record);
      if (valueField === undefined) return;
      if (key !== undefined) keyField = key(record) ?? null;
      headerList = headers?.(record);
      time = timestamp === undefined ? this.#timeOf(eventTime) : timestamp(record);
      if (!Number.isSafeInteger(time)) {
        throw new FieldRefused(`its timestamp is ${time}, not whole milliseconds`);
      }
      partition = this.#choose(record, keyField, topic);
      if (
        !(Number.isSafeInteger(partition) && partition >= 0 && partition < topic.partitionCount)
      ) {
        throw new FieldRefused(
          `the partitioner chose partition ${partition} of ${topic.name}, which has ${topic.partitionCount}`,
        );
      }
    } catch (error) {
      throw this.#recordFailed(at, error);
    }
    this.#producer.append(topic, partition, keyField, valueField, headerList, time);
  }

  #timeOf(eventTime: Timestamp): number {
    if (Number.isSafeInteger(eventTime) && eventTime >= 0) return eventTime;
    const hasTime = eventTime >= 0 && eventTime < Number.MAX_SAFE_INTEGER;
    return hasTime ? Math.floor(eventTime) : this.#writtenAt;
  }

  #topicNameOf(record: T, at: number): string {
    if (typeof this.#topicOf === "string") return this.#topicOf;
    let name: unknown;
    try {
      name = this.#topicOf(record);
    } catch (error) {
      throw this.#recordFailed(at, error);
    }
    if (typeof name === "string" && name !== "") return name;
    throw this.#recordFailed(at, new FieldRefused("the topic has to be a name"));
  }

  #recordFailed(at: number, cause: unknown): HeadwaterError {
    const refused = cause instanceof FieldRefused;
    return sinkError(
      `${this.#parts.owner} cannot write record ${this.#records + at} since it was opened${refused ? `: ${cause.message}` : ""}`,
      {
        domain: "user",
        retry: refused ? "never" : "backoff",
        scope: "reader",
        ...(!refused && { cause }),
      },
    );
  }
}
