import type { Cancel, ProcessingTimeService } from "../../../mailbox/ports.js";
import type {
  KafkaClient,
  KafkaErrorName,
  ProducedPartition,
  TransactionalProducer,
} from "../client/kafka-client.js";
import type { Batch, PartitionBatches } from "./partition-batches.js";
import {
  mayRetry,
  notAdded,
  placeName,
  requestRefused,
  type TransactionAge,
  timedOut,
} from "./producer-errors.js";
import type { Retries } from "./retries.js";

/** Brokers wait so long for their replicas, milliseconds. */
const REPLICAS_TIMEOUT = 10_000;
/** Looking for new leaders takes no longer, milliseconds: the batches are sent either way. */
const REFRESH_TIMEOUT = 10_000;

/** What became of batches. */
export interface DeliveryListener {
  /** The answer for the first batch of a partition; true: it is to be sent again later. */
  answered(partition: PartitionBatches, error: KafkaErrorName): boolean;
  /** Its time is over. */
  expired(partition: PartitionBatches): void;
  /** The partition may be sent again. */
  free(partition: PartitionBatches): void;
  /** Answers have come: send what is ready. */
  progressed(): void;
  /** A partition is on its way into the open transaction. */
  transactionBegan(): void;
  /** The broker has taken it: nobody has taken the transactional id away. */
  transactionAccepted(): void;
  failed(error: unknown): void;
}

/** What batches are sent with. */
export interface BatchDeliveryOptions {
  readonly owner: string;
  readonly client: KafkaClient;
  readonly retries: Retries;
  readonly processingTime: ProcessingTimeService;
  readonly acks: -1 | 0 | 1;
  readonly maxRequestSize: number;
  /** Milliseconds. */
  readonly deliveryTimeout: number;
  /** Undefined: there are no transactions. */
  readonly transaction: (() => TransactionalProducer) | undefined;
  /** Of the open transaction; undefined: there is none. */
  transactionAge(): TransactionAge | undefined;
  /** Forgets leaders and reads partition counts. */
  refresh(topics: readonly string[]): Promise<void>;
}

/**
 * Brings the first batches of partitions to their leaders, again until they are in the log.
 *
 * Owns: the requests and timers under way. Called by: a producer, with partitions that are busy.
 * Invariants: every partition gets an answer, is tried again or expires: within deliveryTimeout; an
 * answer counts only for the partitions that it names.
 */
export class BatchDelivery {
  readonly #options: BatchDeliveryOptions;
  readonly #listener: DeliveryListener;
  readonly #timers = new Set<Cancel>();
  #isOver = false;
  /** Milliseconds that the last request took. */
  sendTime = 0;

  constructor(options: BatchDeliveryOptions, listener: DeliveryListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Sends the first batch of each. */
  send(partitions: readonly PartitionBatches[]): void {
    this.#deliver(partitions).catch((error: unknown) => this.#fail(error));
  }

  /** Answers that come now count no more. */
  close(): void {
    this.#isOver = true;
    for (const cancel of [...this.#timers]) cancel();
  }

  async #deliver(partitions: readonly PartitionBatches[]): Promise<void> {
    const inTime = this.#watch(partitions);
    try {
      const { transaction } = this.#options;
      if (transaction !== undefined) await this.#addToTransaction(partitions, transaction());
      const byLeader = await this.#byLeader(partitions);
      const requests: Promise<void>[] = [];
      for (const [leader, led] of byLeader) {
        if (leader === undefined) this.#later(led, "LEADER_NOT_AVAILABLE");
        else for (const some of this.#requestsOf(led)) requests.push(this.#produce(leader, some));
      }
      await Promise.all(requests);
    } finally {
      inTime();
    }
  }

  /** Fails when the first batches are not delivered in time, whatever hangs. */
  #watch(partitions: readonly PartitionBatches[]): Cancel {
    const { owner, deliveryTimeout, processingTime } = this.#options;
    let oldest = Number.POSITIVE_INFINITY;
    for (const { first } of partitions) oldest = Math.min(oldest, first?.createdAt ?? oldest);
    const left = Math.max(0, deliveryTimeout - (this.#now() - oldest));
    const cancel = processingTime.registerTimer(left, () => {
      this.#timers.delete(end);
      const names = partitions.slice(0, 5).map(placeName).join(", ");
      this.#fail(timedOut(owner, `write to ${names}`, deliveryTimeout));
    });
    const end = (): void => {
      cancel();
      this.#timers.delete(end);
    };
    this.#timers.add(end);
    return end;
  }

  async #addToTransaction(
    partitions: readonly PartitionBatches[],
    producer: TransactionalProducer,
  ): Promise<void> {
    const added = partitions.filter(({ isInTransaction }) => !isInTransaction);
    if (added.length === 0) return;
    const { owner, client, retries } = this.#options;
    this.#listener.transactionBegan();
    const places = added.map(({ topic, partition }) => ({ topic, partition }));
    const { transactionalId } = producer;
    await retries
      .run(`add partitions to transaction ${transactionalId}`, () =>
        client.addPartitionsToTransaction(producer, places),
      )
      .catch((error: unknown) => {
        throw notAdded(owner, transactionalId, error, this.#options.transactionAge());
      });
    for (const partition of added) partition.isInTransaction = true;
    if (!this.#isOver) this.#listener.transactionAccepted();
  }

  async #byLeader(
    partitions: readonly PartitionBatches[],
  ): Promise<ReadonlyMap<number | undefined, PartitionBatches[]>> {
    const { client } = this.#options;
    const leaders = await Promise.all(
      partitions.map((partition) =>
        client.leaderOf(partition).catch((error: unknown) => {
          if (mayRetry(error)) return undefined;
          const what = `find the leader of ${placeName(partition)}`;
          throw requestRefused(this.#options.owner, what, error);
        }),
      ),
    );
    const byLeader = new Map<number | undefined, PartitionBatches[]>();
    for (const [i, partition] of partitions.entries()) {
      const led = byLeader.get(leaders[i]);
      if (led === undefined) byLeader.set(leaders[i], [partition]);
      else led.push(partition);
    }
    return byLeader;
  }

  /** No request is larger than maxRequestSize, unless its only batch is. */
  *#requestsOf(partitions: readonly PartitionBatches[]): Iterable<readonly PartitionBatches[]> {
    let some: PartitionBatches[] = [];
    let size = 0;
    for (const partition of partitions) {
      const { length } = (partition.first as Batch).bytes;
      if (some.length > 0 && size + length > this.#options.maxRequestSize) {
        yield some;
        some = [];
        size = 0;
      }
      some.push(partition);
      size += length;
    }
    if (some.length > 0) yield some;
  }

  async #produce(leader: number, partitions: readonly PartitionBatches[]): Promise<void> {
    const { acks, client, transaction, deliveryTimeout } = this.#options;
    const start = this.#now();
    let answers: readonly ProducedPartition[];
    try {
      answers = await client.produce(leader, {
        acks,
        timeout: Math.min(REPLICAS_TIMEOUT, deliveryTimeout),
        transactionalId: transaction?.().transactionalId,
        partitions: partitions.map(({ topic, partition, first }) => ({
          topic,
          partition,
          records: (first as Batch).bytes,
        })),
      });
    } catch (error) {
      if (this.#isOver) return;
      if (!mayRetry(error)) {
        const names = partitions.slice(0, 5).map(placeName).join(", ");
        throw requestRefused(this.#options.owner, `write to ${names}`, error);
      }
      this.#later(partitions, "NETWORK_EXCEPTION");
      return;
    }
    if (this.#isOver) return;
    this.sendTime = this.#now() - start;
    const byPlace = new Map(answers.map((answer) => [placeName(answer), answer.error]));
    const again: PartitionBatches[] = [];
    for (const partition of partitions) {
      // What the answer leaves out is not known to be in the log.
      const error =
        acks === 0 ? "NONE" : (byPlace.get(placeName(partition)) ?? "NETWORK_EXCEPTION");
      if (this.#listener.answered(partition, error)) {
        (partition.first as Batch).lastError = error;
        again.push(partition);
      }
    }
    if (again.length > 0) this.#later(again);
    this.#listener.progressed();
  }

  /** Sends the first batches again after a while, to the leaders of then. */
  #later(partitions: readonly PartitionBatches[], error?: KafkaErrorName): void {
    const { deliveryTimeout, retries } = this.#options;
    const now = this.#now();
    let tries = 0;
    const again: PartitionBatches[] = [];
    for (const partition of partitions) {
      const batch = partition.first as Batch;
      if (error !== undefined) batch.lastError = error;
      tries = Math.max(tries, ++batch.tries);
      if (now - batch.createdAt < deliveryTimeout) again.push(partition);
      else this.#listener.expired(partition);
    }
    if (again.length < partitions.length) this.#listener.progressed();
    if (again.length === 0 || this.#isOver) return;
    const retry = async (): Promise<void> => {
      await retries.wait(retries.delay(tries));
      const topics = [...new Set(again.map(({ topic }) => topic))];
      const refresh = (): Promise<void> => this.#options.refresh(topics);
      await retries.run("look up topics", refresh, REFRESH_TIMEOUT).catch(() => {});
      for (const partition of again) this.#listener.free(partition);
      this.#listener.progressed();
    };
    retry().catch((reason: unknown) => this.#fail(reason));
  }

  #now(): number {
    return this.#options.processingTime.relativeTime();
  }

  #fail(error: unknown): void {
    if (!this.#isOver) this.#listener.failed(error);
  }
}
