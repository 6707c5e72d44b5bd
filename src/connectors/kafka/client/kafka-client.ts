import type { AbortedTransaction } from "../records/index.js";

/** One partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** What readers see of transactions: all records, or those of committed ones only. */
export type IsolationLevel = "read_uncommitted" | "read_committed";

/** An error of Kafka's protocol by its name, such as NOT_LEADER_OR_FOLLOWER; NONE: it went well. */
export type KafkaErrorName = string;

/** A place in a partition that the broker looks up. */
export interface OffsetQuery extends TopicPartition {
  /**
   * "earliest", "latest" (with read_committed the last stable offset), or milliseconds since the
   * epoch: the first record with that timestamp or a later one.
   */
  readonly at: "earliest" | "latest" | number;
}

/** The answer to an OffsetQuery. */
export interface OffsetAnswer extends TopicPartition {
  readonly error: KafkaErrorName;
  /** Undefined when there is no record at or after the timestamp, or with an error. */
  readonly offset: number | undefined;
}

/** A partition's offset that a group has committed. */
export interface CommittedOffset extends TopicPartition {
  /** Undefined: none is committed. */
  readonly offset: number | undefined;
}

/** An epoch of a partition's leaders, about which its leader is asked (KIP-320). */
export interface EpochQuery extends TopicPartition {
  /** That of the leader itself: a broker that leads in another one refuses. */
  readonly leaderEpoch: number;
  readonly epoch: number;
}

/** Where the records of an epoch, and of those before it, end in the leader's log. */
export interface EpochEnd extends TopicPartition {
  readonly error: KafkaErrorName;
  /** One behind the last of them; undefined when the log knows no such epoch, or with an error. */
  readonly endOffset: number | undefined;
}

/** Where to read on in one partition. */
export interface FetchPosition extends TopicPartition {
  readonly offset: number;
  /** That of the leader; a broker that leads in another one refuses. Undefined: it does not matter. */
  readonly leaderEpoch?: number | undefined;
  /** Bytes at most; a first batch that is larger comes all the same. */
  readonly maxBytes: number;
}

/** A fetch from one broker. */
export interface FetchRequest {
  readonly isolation: IsolationLevel;
  /** How long the broker waits for `minBytes`, milliseconds. */
  readonly maxWait: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly positions: readonly FetchPosition[];
}

/** What a broker has sent of one partition. */
export interface FetchedPartition extends TopicPartition {
  readonly error: KafkaErrorName;
  /** One behind the last record that is replicated. */
  readonly highWatermark: number;
  /** One behind the last record of no open transaction. */
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** With read_committed: whose records in `records` are to be left out. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  /** Record batches as they lie in the log, the last may be cut off; the buffer is the receiver's own. */
  readonly records: Buffer | undefined;
}

/** Record batches for one partition, encoded. */
export interface ProducePartition extends TopicPartition {
  readonly records: Buffer;
}

/** Batches for partitions that one broker leads. */
export interface ProduceRequest {
  /** −1: all in-sync replicas; 1: the leader; 0: nobody answers. */
  readonly acks: -1 | 0 | 1;
  /** How long the broker may wait for its replicas, milliseconds. */
  readonly timeout: number;
  readonly transactionalId: string | undefined;
  readonly partitions: readonly ProducePartition[];
}

/** What became of one partition's batches. */
export interface ProducedPartition extends TopicPartition {
  readonly error: KafkaErrorName;
  /** The first record's offset; −1 with an error. */
  readonly baseOffset: number;
}

/** Who a producer is to the brokers: an older epoch of the same id is fenced. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** A producer within its transactional id. */
export interface TransactionalProducer extends ProducerIdentity {
  readonly transactionalId: string;
}

/**
 * All that source and sink need of a Kafka cluster: the narrow port behind which a driver stands.
 *
 * One client serves one reader, enumerator or writer. What goes wrong with a single partition is in
 * the answer, by its protocol name; a rejected promise is about the whole request: CONNECTION_FAILED
 * (retry backoff), KAFKA_AUTHENTICATION_FAILED, KAFKA_REQUEST_FAILED with the protocol's error in its
 * message. An abandoned request (`close`, a time limit) rejects; it never hangs.
 */
export interface KafkaClient {
  /** The names of all topics but Kafka's internal ones. */
  listTopics(): Promise<readonly string[]>;
  /** How many partitions each has; a topic that does not exist is absent. */
  partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** The broker that leads a partition, as last heard; undefined while there is none. */
  leaderOf(partition: TopicPartition): Promise<number | undefined>;
  /** The epoch of that leader; undefined while there is none, or where the cluster does not say. */
  leaderEpochOf(partition: TopicPartition): Promise<number | undefined>;
  /** One answer a query; each partition may be asked for once. */
  epochEnds(broker: number, queries: readonly EpochQuery[]): Promise<readonly EpochEnd[]>;
  /** Forgets what is known of these topics' leaders: they have moved. */
  refreshMetadata(topics: readonly string[]): Promise<void>;
  listOffsets(
    queries: readonly OffsetQuery[],
    isolation: IsolationLevel,
  ): Promise<readonly OffsetAnswer[]>;
  committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly CommittedOffset[]>;
  /** For a group without members; rejects when it has some, or a partition is refused. */
  commitOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { readonly offset: number })[],
  ): Promise<void>;
  /**
   * Two fetches may be under way at one broker; the second does not wait for the first, which may be a
   * long poll: a broker answers the requests of one connection one after another.
   */
  fetch(broker: number, request: FetchRequest): Promise<readonly FetchedPartition[]>;
  /** Nobody looks at these bytes of a fetch any more: a later fetch may come in them. */
  recycle?(records: Buffer): void;
  /** Resolves with one entry for every partition of the request; with acks 0 with none. */
  produce(broker: number, request: ProduceRequest): Promise<readonly ProducedPartition[]>;
  /**
   * A new identity; with a transactional id the next epoch of it, which fences earlier producers and
   * aborts the transaction that they have left open.
   */
  initProducerId(
    transactionalId: string | undefined,
    transactionTimeout: number,
  ): Promise<ProducerIdentity>;
  addPartitionsToTransaction(
    producer: TransactionalProducer,
    partitions: readonly TopicPartition[],
  ): Promise<void>;
  /** Ends a transaction, also one of another process; the protocol's error name, NONE when it is done. */
  endTransaction(producer: TransactionalProducer, commit: boolean): Promise<KafkaErrorName>;
  /** Ends connections and rejects what is under way; never rejects. */
  close(): Promise<void>;
}

/** Makes the clients of a source or sink; `name` is part of the client id. */
export interface KafkaClientFactory {
  create(name: string): Promise<KafkaClient>;
}
