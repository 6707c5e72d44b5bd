import { HeadwaterError } from "../../../errors/index.js";
import type { BrokerConnections } from "./broker-connections.js";
import { connectionFailed, requestFailed } from "./client-errors.js";
import type { TopicPartition } from "./kafka-client.js";
import type { KafkaRequest } from "./protocol/kafka-request.js";
import {
  type BrokerAddress,
  type ClusterDescription,
  metadataRequest,
  type TopicMetadata,
} from "./protocol/metadata-request.js";

const NO_LEADER = -1;
/** So many brokers that are known are asked before those of the options. */
const KNOWN_ASKED = 3;

/**
 * What is known of the cluster: its brokers, and who leads which partition.
 *
 * Owns: the last answer about each topic.
 * Called by: the client.
 * Invariants: only a broker's answer changes it; a topic that does not exist is not kept.
 */
export class ClusterMetadata {
  readonly #connections: BrokerConnections;
  readonly #bootstrap: readonly BrokerAddress[];
  #brokers: ReadonlyMap<number, BrokerAddress> = new Map();
  readonly #topics = new Map<string, TopicMetadata>();
  /** Who has answered last: a connection to it is open. */
  #lastHeard: BrokerAddress | undefined;

  constructor(connections: BrokerConnections, bootstrap: readonly BrokerAddress[]) {
    this.#connections = connections;
    this.#bootstrap = bootstrap;
  }

  /** Sends what any broker can answer to one after the other, until one does. */
  async askAny<T>(request: KafkaRequest<T>): Promise<T> {
    const failures: string[] = [];
    for (const address of this.#candidates()) {
      try {
        const answer = await this.#connections.send(address, request);
        this.#lastHeard = address;
        return answer;
      } catch (error) {
        if (!(error instanceof HeadwaterError) || error.retry !== "backoff") throw error;
        failures.push(error.hint === undefined ? error.message : `${error.message} ${error.hint}`);
      }
    }
    throw connectionFailed(
      `no broker of Kafka can be reached: ${failures.join("; ")}`,
      "Check the option brokers, and that Kafka runs there.",
    );
  }

  /** Asks anew; topics that do not exist have the error UNKNOWN_TOPIC_OR_PARTITION. */
  async describe(topics: readonly string[] | "all"): Promise<ClusterDescription> {
    const description = await this.askAny(metadataRequest(topics));
    this.#brokers = description.brokers;
    if (topics === "all") this.#topics.clear();
    for (const topic of description.topics) {
      if (topic.leaders.size > 0) this.#topics.set(topic.topic, topic);
      else this.#topics.delete(topic.topic);
    }
    return description;
  }

  /** Asks anew about these topics; rejects for one that this user may not see. */
  async refresh(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    if (topics.length === 0) return [];
    for (const topic of topics) this.#topics.delete(topic);
    const { topics: found } = await this.describe(topics);
    for (const { topic, error } of found) {
      if (error.endsWith("_AUTHORIZATION_FAILED") || error === "INVALID_TOPIC_EXCEPTION") {
        throw requestFailed(`to describe the topic ${topic}`, error);
      }
    }
    return found;
  }

  /** From what is known; asks when nothing is known of the topic. */
  async leaderOf({ topic, partition }: TopicPartition): Promise<number | undefined> {
    if (!this.#topics.has(topic)) await this.refresh([topic]);
    return this.knownLeader({ topic, partition });
  }

  knows(topic: string): boolean {
    return this.#topics.has(topic);
  }

  knownLeader({ topic, partition }: TopicPartition): number | undefined {
    const leader = this.#topics.get(topic)?.leaders.get(partition);
    return leader === NO_LEADER ? undefined : leader;
  }

  /** Of a topic that is known. */
  knownEpoch({ topic, partition }: TopicPartition): number | undefined {
    const epoch = this.#topics.get(topic)?.epochs.get(partition);
    return epoch === undefined || epoch < 0 ? undefined : epoch;
  }

  /** Where a broker listens; asks when it is not known, and rejects with CONNECTION_FAILED when it is gone. */
  async addressOf(broker: number): Promise<BrokerAddress> {
    const known = this.#brokers.get(broker);
    if (known !== undefined) return known;
    await this.describe([]);
    const found = this.#brokers.get(broker);
    if (found !== undefined) return found;
    throw connectionFailed(
      `the broker ${broker} is not in the cluster any more`,
      "Its partitions get other leaders; it is tried again with them.",
    );
  }

  #candidates(): readonly BrokerAddress[] {
    const known = [...this.#brokers.values()].slice(0, KNOWN_ASKED);
    const first = this.#lastHeard === undefined ? [] : [this.#lastHeard];
    const all = [...first, ...known, ...this.#bootstrap];
    return [
      ...new Map(all.map((address) => [`${address.host}:${address.port}`, address])).values(),
    ];
  }
}
