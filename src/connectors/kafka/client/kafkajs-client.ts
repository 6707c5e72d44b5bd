import type { HeadwaterError } from "../../../errors/index.js";
import { Abandonable } from "./abandonable.js";
import { BrokerConnections } from "./broker-connections.js";
import { clientClosed, requestFailed } from "./client-errors.js";
import { ClusterMetadata } from "./cluster-metadata.js";
import { type KafkaConnectionSettings, parseAddress } from "./connection-options.js";
import { Coordinators } from "./coordinators.js";
import { FetchBuffers } from "./fetch-buffers.js";
import type {
  CommittedOffset,
  EpochEnd,
  EpochQuery,
  FetchedPartition,
  FetchRequest,
  IsolationLevel,
  KafkaClient,
  KafkaErrorName,
  OffsetAnswer,
  OffsetQuery,
  ProducedPartition,
  ProduceRequest,
  ProducerIdentity,
  TopicPartition,
  TransactionalProducer,
} from "./kafka-client.js";
import type { KafkaDriver } from "./kafkajs-driver.js";
import { OffsetLookup } from "./list-offsets.js";
import {
  addPartitionsToTxnRequest,
  endTxnRequest,
  initProducerIdRequest,
} from "./protocol/coordinator-requests.js";
import { COORDINATOR_MOVED } from "./protocol/error-names.js";
import { fetchRequest } from "./protocol/fetch-request.js";
import type { BrokerAddress } from "./protocol/metadata-request.js";
import {
  epochEndsRequest,
  offsetCommitRequest,
  offsetFetchRequest,
  type PartitionError,
} from "./protocol/offset-requests.js";
import { produceRequest } from "./protocol/produce-request.js";
import { nameOf } from "./protocol/topic-groups.js";
import { Retry, RetryLater } from "./retry.js";

/** A transaction before this one ends within milliseconds: waiting longer costs more than asking. */
const TRANSACTIONS = { retries: 30, initialRetryTime: 20, maxRetryTime: 250 };

/**
 * The port over kafkajs's connections, with requests and responses of our own.
 *
 * Owns: its connections and what it knows of the cluster.
 * Called by: one reader, enumerator, writer or committer, on its loop.
 * Invariants: every promise settles, at the latest with `close`; nothing is retried that could write twice.
 */
export class KafkaJsClient implements KafkaClient {
  readonly #name: string;
  readonly #buffers = new FetchBuffers();
  readonly #connections: BrokerConnections;
  readonly #metadata: ClusterMetadata;
  readonly #retry: Retry;
  readonly #groups: Coordinators;
  readonly #transactions: Coordinators;
  readonly #offsets: OffsetLookup;
  #closed: HeadwaterError | undefined;
  readonly #requests = new Abandonable();

  constructor(driver: KafkaDriver, settings: KafkaConnectionSettings, name: string) {
    this.#name = name;
    const bootstrap = settings.brokers.map((broker) => parseAddress(broker) as BrokerAddress);
    const retry = new Retry(driver, settings.retry);
    const clientId = `${settings.clientId}-${name}`;
    this.#connections = new BrokerConnections(driver, settings, clientId, this.#buffers);
    this.#metadata = new ClusterMetadata(this.#connections, bootstrap);
    this.#retry = retry;
    this.#groups = new Coordinators(this.#connections, this.#metadata, retry);
    const transactionRetry = new Retry(driver, TRANSACTIONS);
    this.#transactions = new Coordinators(this.#connections, this.#metadata, transactionRetry);
    this.#offsets = new OffsetLookup(this.#connections, this.#metadata, retry);
  }

  listTopics(): Promise<readonly string[]> {
    return this.#run(async () => {
      const { topics } = await this.#retry.run(() => this.#metadata.describe("all"));
      return topics.filter(({ isInternal }) => !isInternal).map(({ topic }) => topic);
    });
  }

  partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#run(async () => {
      const found = await this.#retry.run(() => this.#metadata.refresh(topics));
      const existing = found.filter(({ leaders }) => leaders.size > 0);
      return new Map(existing.map(({ topic, leaders }) => [topic, leaders.size]));
    });
  }

  leaderOf(partition: TopicPartition): Promise<number | undefined> {
    return this.#run(() => this.#retry.run(() => this.#metadata.leaderOf(partition)));
  }

  leaderEpochOf(partition: TopicPartition): Promise<number | undefined> {
    return this.#run(async () => {
      const leader = await this.#retry.run(() => this.#metadata.leaderOf(partition));
      return leader === undefined ? undefined : this.#metadata.knownEpoch(partition);
    });
  }

  epochEnds(broker: number, queries: readonly EpochQuery[]): Promise<readonly EpochEnd[]> {
    return this.#run(async () => {
      const address = await this.#metadata.addressOf(broker);
      return this.#connections.send(address, epochEndsRequest(queries));
    });
  }

  refreshMetadata(topics: readonly string[]): Promise<void> {
    return this.#run(async () => {
      await this.#retry.run(() => this.#metadata.refresh(topics));
    });
  }

  listOffsets(
    queries: readonly OffsetQuery[],
    isolation: IsolationLevel,
  ): Promise<readonly OffsetAnswer[]> {
    return this.#run(() => this.#offsets.listOffsets(queries, isolation));
  }

  committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly CommittedOffset[]> {
    return this.#run(async () => {
      const what = `the committed offsets of the group ${groupId}`;
      const request = offsetFetchRequest(groupId, partitions);
      const { error, offsets } = await this.#groups.send(
        "group",
        groupId,
        what,
        request,
        (answer) => (answer.error === "NONE" ? firstError(answer.offsets) : answer.error),
      );
      if (error !== "NONE") throw requestFailed(what, error);
      throwFirst(what, offsets);
      const byName = new Map(offsets.map((found) => [nameOf(found), found.offset]));
      return partitions.map(({ topic, partition }) => ({
        topic,
        partition,
        offset: byName.get(nameOf({ topic, partition })),
      }));
    });
  }

  commitOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { readonly offset: number })[],
  ): Promise<void> {
    return this.#run(async () => {
      const what = `to commit offsets of the group ${groupId}`;
      const request = offsetCommitRequest(groupId, offsets);
      throwFirst(what, await this.#groups.send("group", groupId, what, request, firstError));
    });
  }

  fetch(broker: number, request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return this.#run(async () => {
      const address = await this.#metadata.addressOf(broker);
      const encoded = fetchRequest(request);
      const answer = await this.#connections.fetch(address, encoded, request.maxWait);
      this.#buffers.lend(answer);
      return answer;
    });
  }

  recycle(records: Buffer): void {
    this.#buffers.giveBack(records);
  }

  produce(broker: number, request: ProduceRequest): Promise<readonly ProducedPartition[]> {
    return this.#run(async () => {
      const address = await this.#metadata.addressOf(broker);
      const encoded = produceRequest(request);
      const answer = await this.#connections.send(address, encoded, "requests", request.timeout);
      return answer ?? [];
    });
  }

  initProducerId(
    transactionalId: string | undefined,
    transactionTimeout: number,
  ): Promise<ProducerIdentity> {
    return this.#run(async () => {
      const request = initProducerIdRequest(transactionalId, transactionTimeout);
      const what =
        transactionalId === undefined
          ? "a producer id"
          : `a producer id for the transactional id ${transactionalId}`;
      const { error, identity } = await (transactionalId === undefined
        ? this.#retry.run(async () => {
            const answer = await this.#metadata.askAny(request);
            // A broker that has just started has no ids yet.
            if (COORDINATOR_MOVED.has(answer.error)) throw new RetryLater(answer);
            return answer;
          })
        : this.#transactions.send(
            "transaction",
            transactionalId,
            what,
            request,
            (answer) => answer.error,
          ));
      if (error !== "NONE") throw requestFailed(what, error);
      return identity;
    });
  }

  addPartitionsToTransaction(
    producer: TransactionalProducer,
    partitions: readonly TopicPartition[],
  ): Promise<void> {
    return this.#run(async () => {
      const { transactionalId } = producer;
      const what = `to add partitions to the transaction ${transactionalId}`;
      const request = addPartitionsToTxnRequest(producer, partitions);
      throwFirst(
        what,
        await this.#transactions.send("transaction", transactionalId, what, request, firstError),
      );
    });
  }

  endTransaction(producer: TransactionalProducer, commit: boolean): Promise<KafkaErrorName> {
    return this.#run(() => {
      const { transactionalId } = producer;
      const what = `to ${commit ? "commit" : "abort"} the transaction ${transactionalId}`;
      const request = endTxnRequest(producer, commit);
      return this.#transactions.send("transaction", transactionalId, what, request, (e) => e);
    });
  }

  async close(): Promise<void> {
    this.#closed ??= clientClosed(this.#name);
    this.#requests.end(this.#closed);
    this.#connections.close(this.#closed);
  }

  /** Nothing begins after `close`, and nothing outlasts it. */
  async #run<T>(request: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw this.#closed;
    return this.#requests.settles(request());
  }
}

/** Where one partition is refused, the others are answered with OPERATION_NOT_ATTEMPTED. */
function firstBad(partitions: readonly PartitionError[]): PartitionError | undefined {
  const bad = partitions.filter(({ error }) => error !== "NONE");
  return bad.find(({ error }) => error !== "OPERATION_NOT_ATTEMPTED") ?? bad[0];
}

function firstError(partitions: readonly PartitionError[]): KafkaErrorName {
  return firstBad(partitions)?.error ?? "NONE";
}

function throwFirst(what: string, partitions: readonly PartitionError[]): void {
  const bad = firstBad(partitions);
  if (bad !== undefined) throw requestFailed(`${what}, partition ${nameOf(bad)}`, bad.error);
}
