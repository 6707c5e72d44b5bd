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
} from "../../../src/connectors/kafka/client/kafka-client.js";
import { HeadwaterError } from "../../../src/errors/index.js";
import type { KafkaPlace } from "../faults.js";
import type { Life } from "../life.js";
import type { KafkaCluster } from "./kafka-cluster.js";

/** How much longer a slow request takes, in milliseconds. */
const SLOW = 150;

/** How brokers refuse for a while. */
const REFUSALS: Readonly<Partial<Record<KafkaPlace, KafkaErrorName>>> = {
  "kafka.listOffsets": "LEADER_NOT_AVAILABLE",
  "kafka.commitOffsets": "COORDINATOR_NOT_AVAILABLE",
  "kafka.fetch": "NOT_LEADER_OR_FOLLOWER",
  "kafka.produce": "NOT_ENOUGH_REPLICAS",
  "kafka.init": "CONCURRENT_TRANSACTIONS",
  "kafka.add": "CONCURRENT_TRANSACTIONS",
  "kafka.end": "CONCURRENT_TRANSACTIONS",
};

/**
 * A client of the cluster in one life of the process. A request takes its time to the broker, the answer
 * back. Of a client that is closed, or whose process is dead, what is on its way may still arrive: late
 * too, but for InitProducerId, which no broker can tell from one of a successor.
 */
export class ClusterClient implements KafkaClient {
  readonly #cluster: KafkaCluster;
  readonly #life: Life;
  readonly #latency: number;
  readonly #number: number;
  readonly #broker: KafkaClient;
  readonly #underWay = new Set<(error: unknown) => void>();
  #isClosed = false;

  constructor(cluster: KafkaCluster, life: Life, latency: number, broker: KafkaClient) {
    this.#cluster = cluster;
    this.#life = life;
    this.#latency = latency;
    this.#broker = broker;
    this.#number = cluster.nextClient();
  }

  /** Nobody waits for its answers. */
  get isGone(): boolean {
    return this.#isClosed || !this.#life.isAlive;
  }

  listTopics(): Promise<readonly string[]> {
    return this.#request("kafka.metadata", () => this.#broker.listTopics());
  }

  partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#request("kafka.metadata", () => this.#broker.partitionCounts(topics));
  }

  leaderOf(partition: TopicPartition): Promise<number | undefined> {
    return this.#request("kafka.metadata", () => this.#broker.leaderOf(partition));
  }

  leaderEpochOf(partition: TopicPartition): Promise<number | undefined> {
    return this.#broker.leaderEpochOf(partition);
  }

  epochEnds(broker: number, queries: readonly EpochQuery[]): Promise<readonly EpochEnd[]> {
    return this.#request("kafka.listOffsets", () => this.#broker.epochEnds(broker, queries));
  }

  refreshMetadata(topics: readonly string[]): Promise<void> {
    return this.#request("kafka.metadata", () => this.#broker.refreshMetadata(topics));
  }

  listOffsets(
    queries: readonly OffsetQuery[],
    isolation: IsolationLevel,
  ): Promise<readonly OffsetAnswer[]> {
    return this.#request("kafka.listOffsets", () => this.#broker.listOffsets(queries, isolation));
  }

  committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly CommittedOffset[]> {
    return this.#request("kafka.listOffsets", () =>
      this.#broker.committedOffsets(groupId, partitions),
    );
  }

  commitOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { readonly offset: number })[],
  ): Promise<void> {
    return this.#request("kafka.commitOffsets", () => this.#broker.commitOffsets(groupId, offsets));
  }

  fetch(broker: number, request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return this.#request("kafka.fetch", () => this.#broker.fetch(broker, request));
  }

  produce(broker: number, request: ProduceRequest): Promise<readonly ProducedPartition[]> {
    return this.#request("kafka.produce", () => this.#broker.produce(broker, request));
  }

  initProducerId(transactionalId: string, timeout: number): Promise<ProducerIdentity> {
    return this.#request("kafka.init", async () => {
      const identity = await this.#broker.initProducerId(transactionalId, timeout);
      this.#cluster.began(transactionalId, this);
      return identity;
    });
  }

  addPartitionsToTransaction(
    producer: TransactionalProducer,
    partitions: readonly TopicPartition[],
  ): Promise<void> {
    return this.#request("kafka.add", () =>
      this.#broker.addPartitionsToTransaction(producer, partitions),
    );
  }

  endTransaction(producer: TransactionalProducer, commit: boolean): Promise<KafkaErrorName> {
    return this.#request("kafka.end", async () => {
      const error = await this.#broker.endTransaction(producer, commit);
      this.#cluster.ended(producer, commit, error);
      return error;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const reject of this.#underWay) reject(broken());
    this.#underWay.clear();
  }

  #request<R>(place: KafkaPlace, act: () => Promise<R>): Promise<R> {
    const { world } = this.#life;
    return new Promise((resolve, reject) => {
      if (!this.#life.isAlive) return;
      if (this.#isClosed) {
        reject(broken());
        return;
      }
      const kind = world.faults.take(place);
      this.#underWay.add(reject);
      const answer = (settle: () => void): void => {
        this.#later(0, () => {
          if (!this.isGone && this.#underWay.delete(reject)) settle();
        });
      };
      const arrive = (): void => {
        if (this.isGone && !this.#arrivesLate(place)) return;
        this.#cluster.newest = Math.max(this.#cluster.newest, this.#number);
        world.note(`${place}${kind === undefined ? "" : ` (${kind})`} of client ${this.#number}`);
        if (kind === "fail") {
          answer(() => reject(broken()));
          return;
        }
        this.#cluster.refusal = kind === "odd" ? REFUSALS[place] : undefined;
        act().then(
          (result) => answer(() => (kind === "lost" ? reject(broken()) : resolve(result))),
          (error: unknown) => answer(() => reject(error)),
        );
      };
      this.#later(kind === "slow" ? SLOW : 0, arrive);
    });
  }

  #arrivesLate(place: KafkaPlace): boolean {
    if (place === "kafka.init" && this.#cluster.newest > this.#number) return false;
    return this.#life.world.dice.chance(0.5);
  }

  #later(delay: number, act: () => void): void {
    const { world } = this.#life;
    // Also without a delay: a long chain of promises alone would look like an end.
    world.schedule(delay + world.dice.int(0, this.#latency), act);
  }
}

function broken(): HeadwaterError {
  return new HeadwaterError("CONNECTION_FAILED", "the connection to the broker broke", {
    domain: "external",
    retry: "backoff",
    scope: "reader",
  });
}
