import type {
  KafkaClient,
  KafkaClientFactory,
  KafkaErrorName,
  ProducerIdentity,
  TopicPartition,
} from "../../../src/connectors/kafka/client/kafka-client.js";
import type { KafkaRecord } from "../../../src/connectors/kafka/records/index.js";
import type { Clock } from "../../../src/mailbox/ports.js";
import { encoded, recordsIn, type SimulatedRecord } from "./simulated-batches.js";
import { SimulatedKafkaClient } from "./simulated-kafka-client.js";
import { SimulatedPartition } from "./simulated-partition.js";
import { SimulatedTransactions } from "./simulated-transactions.js";

/** A request as faults see it. */
export interface SimulatedRequest {
  readonly type: Exclude<keyof KafkaClient, "close">;
  readonly client: string;
  /** Of fetch and produce. */
  readonly broker: number | undefined;
  /** The nth request of this cluster, from 1. */
  readonly number: number;
  readonly args: readonly unknown[];
}

/** What goes wrong with a request; undefined members: nothing. */
export interface Fault {
  /** Milliseconds until the broker sees it. */
  readonly before?: number;
  /** Milliseconds until the answer arrives. */
  readonly after?: number;
  /** The connection breaks before the broker has done it, or after: then the answer is lost. */
  readonly breaks?: "before" | "after";
  /** The request never ends, until the client is closed; `"after"`: the broker has done it. */
  readonly hangs?: "before" | "after";
  /** The broker refuses: in the answer of each partition, or the whole request. */
  readonly error?: KafkaErrorName;
}

export interface SimulatedKafkaOptions {
  readonly clock: Clock;
  /** Ids are 1 to this. Default 3. */
  readonly brokers?: number;
  /** Milliseconds each request takes; 0 (default): it is answered in a microtask. */
  readonly latency?: number;
}

/**
 * A Kafka cluster in memory, behind the connector's own port: logs of real record batches, leaders that
 * move, transactions with fencing, groups, and a fault for each request where the test wants one.
 *
 * It recognizes repeated batches of a producer as brokers do; a producer that it does not know has to begin
 * at sequence 0, where brokers are more lenient.
 */
export class SimulatedKafka implements KafkaClientFactory {
  readonly clock: Clock;
  readonly latency: number;
  readonly transactions: SimulatedTransactions;
  /** Says what goes wrong with a request; called once for each. */
  fault: (request: SimulatedRequest) => Fault | undefined = () => undefined;
  /** Every request so far, the oldest first. */
  readonly requests: SimulatedRequest[] = [];
  /** By group: offsets by `topic-partition`. */
  readonly groups = new Map<string, Map<string, number>>();
  /** Groups with members: they take no commits from outside. */
  readonly groupsWithMembers = new Set<string>();
  readonly stoppedBrokers = new Set<number>();
  readonly clients: SimulatedKafkaClient[] = [];
  readonly #brokers: number;
  readonly #topics = new Map<string, SimulatedPartition[]>();
  /** Long polls, which look again when something has changed. */
  readonly #waiting = new Set<() => void>();

  constructor(options: SimulatedKafkaOptions) {
    this.clock = options.clock;
    this.#brokers = options.brokers ?? 3;
    this.latency = options.latency ?? 0;
    this.transactions = new SimulatedTransactions(options.clock);
    const changed = (): void => this.changed();
    this.transactions.onEnded = changed;
  }

  async create(name: string): Promise<SimulatedKafkaClient> {
    const client = new SimulatedKafkaClient(this, name);
    this.clients.push(client);
    return client;
  }

  get topics(): readonly string[] {
    return [...this.#topics.keys()];
  }

  createTopic(topic: string, partitions = 1): this {
    this.#topics.set(topic, []);
    return this.createPartitions(topic, partitions);
  }

  /** Adds partitions up to so many in all. */
  createPartitions(topic: string, total: number): this {
    const partitions = this.partitions(topic) as SimulatedPartition[];
    for (let i = partitions.length; i < total; i++) {
      partitions.push(new SimulatedPartition(topic, i, 1 + (i % this.#brokers)));
    }
    return this;
  }

  deleteTopic(topic: string): void {
    this.#topics.delete(topic);
    this.changed();
  }

  partitions(topic: string): readonly SimulatedPartition[] {
    return this.#topics.get(topic) ?? [];
  }

  find({ topic, partition }: TopicPartition): SimulatedPartition | undefined {
    return this.#topics.get(topic)?.[partition];
  }

  partition(topic: string, partition: number): SimulatedPartition {
    const found = this.find({ topic, partition });
    if (found === undefined) throw new Error(`there is no partition ${topic}-${partition}`);
    return found;
  }

  moveLeader(topic: string, partition: number, broker: number | undefined): void {
    const log = this.partition(topic, partition);
    log.leader = broker;
    log.leaderEpoch++;
    this.changed();
  }

  /** Appends one batch; the offset of its first record. */
  append(
    topic: string,
    partition: number,
    records: readonly (SimulatedRecord | string)[],
    compression?: "none" | "gzip" | "snappy" | "lz4",
  ): number {
    const bytes = encoded(records.map(asRecord), undefined, compression);
    const offset = this.partition(topic, partition).append(bytes);
    this.changed();
    return offset;
  }

  /** Appends one batch of a transaction that stays open until `endTransaction`. */
  appendTransactional(
    topic: string,
    partition: number,
    { producerId, producerEpoch }: ProducerIdentity,
    records: readonly (SimulatedRecord | string)[],
  ): number {
    const producer = { producerId, producerEpoch, baseSequence: 0, isTransactional: true };
    const bytes = encoded(records.map(asRecord), producer);
    const offset = this.partition(topic, partition).append(bytes);
    this.changed();
    return offset;
  }

  endTransaction(
    topic: string,
    partition: number,
    { producerId, producerEpoch }: ProducerIdentity,
    commit: boolean,
  ): void {
    this.partition(topic, partition).endTransaction(producerId, producerEpoch, commit);
    this.changed();
  }

  /** What a reader of committed records finds in the partition, from its start. */
  committed(topic: string, partition: number): KafkaRecord[] {
    const log = this.partition(topic, partition);
    const { records, abortedTransactions } = log.fetch(
      { topic, partition, offset: log.logStartOffset, maxBytes: Number.MAX_SAFE_INTEGER },
      "read_committed",
      Number.MAX_SAFE_INTEGER,
    );
    if (records === undefined) return [];
    return recordsIn(records, abortedTransactions).filter((r) => r.offset >= log.logStartOffset);
  }

  /** The committed values of all partitions, as text, each partition in order. */
  committedTexts(topic: string): (string | null)[][] {
    return this.partitions(topic).map(({ partition }) =>
      this.committed(topic, partition).map(({ value }) => value?.toString() ?? null),
    );
  }

  /** How many requests of that type there were. */
  count(type: SimulatedRequest["type"]): number {
    return this.requests.filter((request) => request.type === type).length;
  }

  /** Something that a long poll may wait for has changed. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Calls `look` at each change until the returned function is called. */
  onChange(look: () => void): () => void {
    this.#waiting.add(look);
    return () => {
      this.#waiting.delete(look);
    };
  }
}

function asRecord(record: SimulatedRecord | string): SimulatedRecord {
  return typeof record === "string" ? { value: record } : record;
}
