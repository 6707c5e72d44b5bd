import type { Counter, MetricGroup } from "../../../api/metrics.js";
import { HeadwaterError } from "../../../errors/index.js";
import type { Cancel, ProcessingTimeService } from "../../../mailbox/ports.js";
import type {
  KafkaClient,
  KafkaErrorName,
  ProducerIdentity,
  TransactionalProducer,
} from "../client/kafka-client.js";
import type { AppendHeader, CompressionType, RecordCodecs } from "../records/index.js";
import { BatchDelivery } from "./batch-delivery.js";
import type { Batch, PartitionBatches } from "./partition-batches.js";
import {
  isRetriable,
  notDelivered,
  recordOverLimit,
  recordRefused,
  type TransactionAge,
} from "./producer-errors.js";
import type { KafkaField } from "./record-serializer.js";
import type { Retries } from "./retries.js";
import { splitBatch } from "./split-batch.js";
import { type ProducerTopic, TopicPartitions } from "./topic-partitions.js";

/** How a producer writes. */
export interface ProducerSettings {
  readonly acks: -1 | 0 | 1;
  readonly compression: CompressionType;
  readonly batchSize: number;
  /** Milliseconds. */
  readonly linger: number;
  readonly maxRequestSize: number;
  readonly bufferMemory: number;
  /** Milliseconds. */
  readonly deliveryTimeout: number;
  /** Milliseconds. */
  readonly metadataMaxAge: number;
}

/** What a producer is made of. */
export interface KafkaProducerOptions extends ProducerSettings {
  readonly owner: string;
  readonly client: KafkaClient;
  readonly codecs: RecordCodecs;
  readonly retries: Retries;
  readonly processingTime: ProcessingTimeService;
  readonly metricGroup: MetricGroup;
  readonly subtask: number;
  /** Who writes now; undefined: it is not idempotent. Asked when a batch is built. */
  readonly identity: (() => ProducerIdentity) | undefined;
  /** The same for transactions; undefined: there are none. */
  readonly transaction: (() => TransactionalProducer) | undefined;
  /** Milliseconds after which the broker aborts a transaction. */
  readonly transactionTimeout: number;
  /** The broker has let partitions into the transaction, so its id is not another producer's by now. */
  transactionAccepted(): void;
  /** Nothing more can be written. */
  failed(error: unknown): void;
  /** Instead of `failed`, when a batch is given up and the rest goes on. */
  readonly dropped: ((error: HeadwaterError) => void) | undefined;
}

interface Waiter {
  /** Over when no more bytes than this are held. */
  readonly bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Writes records into partitions in batches, each acknowledged only when it is in the log.
 *
 * Owns: all records that are not acknowledged. Called by: a sink writer; requests settle between its calls.
 * Invariants: I1 one batch of a partition is under way at a time and is repeated with the same sequence, so
 * records keep their order and are in the log once (without idempotence: at least once). I2 a batch leaves
 * only when the answer names its partition and says NONE. I3 at most bufferMemory and one chunk are held.
 */
export class KafkaProducer {
  readonly topics: TopicPartitions;
  readonly #options: KafkaProducerOptions;
  readonly #builder: {
    readonly codecs: RecordCodecs;
    readonly compression: CompressionType;
    readonly maxBatchBytes: number;
    readonly producerId: number;
    readonly producerEpoch: number;
    readonly isTransactional: boolean;
  };
  readonly #ready = new Set<PartitionBatches>();
  readonly #open = new Set<PartitionBatches>();
  readonly #delivery: BatchDelivery;
  readonly #bytesSent: Counter;
  readonly #recordsSent: Counter;
  readonly #sendErrors: Counter;
  readonly #now: () => number;
  #lingerTimer: Cancel | undefined;
  #waiters: Waiter[] = [];
  #held = 0;
  #transactionSince: number | undefined;
  #error: unknown;
  #closed = false;

  constructor(options: KafkaProducerOptions) {
    const { identity, metricGroup } = options;
    this.#options = options;
    this.#builder = {
      codecs: options.codecs,
      compression: options.compression,
      maxBatchBytes: options.maxRequestSize,
      isTransactional: options.transaction !== undefined,
      // The builders ask when they build: the identity changes with the transaction.
      get producerId() {
        return identity?.().producerId ?? -1;
      },
      get producerEpoch() {
        return identity?.().producerEpoch ?? -1;
      },
    };
    this.topics = new TopicPartitions(options, {
      builder: this.#builder,
      batchSize: options.batchSize,
      isIdempotent: identity !== undefined,
    });
    this.#delivery = new BatchDelivery(
      {
        ...options,
        refresh: (topics) => this.topics.refresh(topics),
        transactionAge: () => this.#openTransaction,
      },
      {
        answered: (partition, error) => this.#answered(partition, error),
        expired: (partition) => this.#giveUp(partition, this.#notDelivered(partition)),
        free: (partition) => this.#free(partition),
        transactionBegan: () => {
          this.#transactionSince ??= this.#now();
        },
        transactionAccepted: () => options.transactionAccepted(),
        failed: (error) => this.#fail(error),
        progressed: () => {
          this.#settleWaiters();
          this.#sendReady();
        },
      },
    );
    const now = (): number => options.processingTime.relativeTime();
    this.#now = now;
    this.#recordsSent = metricGroup.counter("numRecordsSend");
    this.#bytesSent = metricGroup.counter("numBytesSend");
    this.#sendErrors = metricGroup.counter("numRecordsSendErrors");
    metricGroup.gauge("currentSendTime", () => this.#delivery.sendTime);
    metricGroup.gauge("bufferedBytes", () => this.#held);
    metricGroup.gauge("transactionAge", () => this.#transactionAge ?? 0);
  }

  /** Bytes that are not acknowledged. */
  get held(): number {
    return this.#held;
  }

  get isFull(): boolean {
    return this.#held >= this.#options.bufferMemory;
  }

  get hasTransaction(): boolean {
    return this.#transactionSince !== undefined;
  }

  get hasFailed(): boolean {
    return this.#error !== undefined;
  }

  /** Throws what has gone wrong since the last call. */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Adds a record to its batch; `send` sends what is full. Throws SINK_FAILED when it is too large. */
  append(
    topic: ProducerTopic,
    partition: number,
    key: KafkaField,
    value: KafkaField,
    headers: readonly AppendHeader[] | undefined,
    timestamp: number,
  ): void {
    const batches = topic.partitions[partition] as PartitionBatches;
    try {
      this.#held += batches.append(key, value, headers, timestamp, this.#now);
    } catch (error) {
      if (!(error instanceof HeadwaterError) || error.code !== "LIMIT_EXCEEDED") throw error;
      throw recordOverLimit(this.#options.owner, batches, error);
    }
    if (batches.hasOpen) this.#open.add(batches);
    if (batches.isReady) this.#ready.add(batches);
  }

  /** Sends what is full, and starts the linger timer for the rest. */
  send(): void {
    if (this.#options.linger === 0 || this.isFull) this.#allDue();
    else this.#startLinger();
    this.#sendReady();
  }

  /** Resolves when there is room for more; rejects with SINK_FAILED. */
  whenNotFull(): Promise<void> {
    this.#allDue();
    this.#sendReady();
    return this.#whenHeld(this.#options.bufferMemory - 1);
  }

  /** Sends everything; resolves when all of it is in the logs; rejects with SINK_FAILED. */
  flush(): void | Promise<void> {
    this.check();
    this.#allDue();
    this.#sendReady();
    if (this.#held > 0) return this.#whenHeld(0);
  }

  /** Sends everything and waits for nothing. */
  sendAll(): void {
    this.check();
    this.#allDue();
    this.#sendReady();
  }

  /** After `flush`: what comes next is another producer's. */
  endTransaction(): void {
    this.#transactionSince = undefined;
    for (const partition of this.topics.all) {
      partition.restartSequence();
      partition.rest();
    }
  }

  close(): void {
    this.#closed = true;
    this.#lingerTimer?.();
    this.#delivery.close();
    this.#settleWaiters(new Error(`${this.#options.owner} has been closed`));
  }

  get #transactionAge(): number | undefined {
    return this.#transactionSince === undefined ? undefined : this.#now() - this.#transactionSince;
  }

  get #openTransaction(): TransactionAge | undefined {
    const age = this.#transactionAge;
    return age === undefined ? age : { age, timeout: this.#options.transactionTimeout };
  }

  #startLinger(): void {
    if (this.#lingerTimer !== undefined || this.#open.size === 0) return;
    const { processingTime, linger } = this.#options;
    this.#lingerTimer = processingTime.registerTimer(linger, () => {
      this.#lingerTimer = undefined;
      this.#allDue();
      this.#sendReady();
    });
  }

  #allDue(): void {
    this.#lingerTimer?.();
    this.#lingerTimer = undefined;
    for (const partition of this.#open) {
      partition.isDue = partition.hasOpen;
      if (partition.isReady) this.#ready.add(partition);
    }
    this.#open.clear();
  }

  #sendReady(): void {
    if (this.#ready.size === 0 || this.#closed || this.#error !== undefined) return;
    const ready = [...this.#ready].filter((partition) => partition.isReady);
    this.#ready.clear();
    if (ready.length === 0) return;
    for (const partition of ready) {
      partition.isBusy = true;
      if (partition.first === undefined) {
        this.#held += partition.build();
        this.#open.delete(partition);
      }
    }
    this.#delivery.send(ready);
  }

  get #isOver(): boolean {
    return this.#closed || this.#error !== undefined;
  }

  #answered(partition: PartitionBatches, error: KafkaErrorName): boolean {
    const batch = partition.first as Batch;
    // A sequence that the log is beyond is one that it has.
    if (error === "NONE" || error === "DUPLICATE_SEQUENCE_NUMBER") {
      this.#recordsSent.inc(batch.records);
      this.#bytesSent.inc(batch.bytes.length);
      this.#remove(partition);
      return false;
    }
    if (error === "MESSAGE_TOO_LARGE" || error === "RECORD_LIST_TOO_LARGE") {
      if (batch.records > 1) this.#split(partition, batch);
      else
        this.#giveUp(partition, recordRefused(this.#options.owner, partition, batch.bytes.length));
      return false;
    }
    if (isRetriable(error)) return true;
    this.#giveUp(partition, this.#notDelivered(partition, error));
    return false;
  }

  #split(partition: PartitionBatches, batch: Batch): void {
    const before = partition.size;
    partition.replaceFirst(splitBatch(batch, this.#builder));
    this.#held += partition.size - before;
    this.#free(partition);
  }

  #notDelivered(
    partition: PartitionBatches,
    error = partition.first?.lastError ?? "REQUEST_TIMED_OUT",
  ): HeadwaterError {
    const records = partition.first?.records ?? 0;
    return notDelivered(this.#options.owner, partition, records, error, this.#openTransaction);
  }

  #giveUp(partition: PartitionBatches, error: HeadwaterError): void {
    this.#sendErrors.inc(partition.first?.records ?? 0);
    if (this.#options.dropped === undefined) {
      this.#fail(error);
      return;
    }
    this.#options.dropped(error);
    this.#remove(partition);
  }

  #remove(partition: PartitionBatches): void {
    this.#held -= partition.first?.bytes.length ?? 0;
    partition.removeFirst();
    this.#free(partition);
  }

  #free(partition: PartitionBatches): void {
    partition.isBusy = false;
    if (partition.isReady) this.#ready.add(partition);
    else if (partition.first === undefined) partition.rest();
  }

  #whenHeld(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ bytes, resolve, reject });
      this.#settleWaiters(this.#error);
    });
  }

  #settleWaiters(error?: unknown): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (error !== undefined) waiter.reject(error);
      else if (this.#held <= waiter.bytes) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#error = error;
    this.#delivery.close();
    if (this.#waiters.length > 0) this.#settleWaiters(error);
    else this.#options.failed(error);
  }
}
