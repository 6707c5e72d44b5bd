import { HeadwaterError } from "../../../errors/index.js";
import type { KafkaClient, TopicPartition } from "../client/kafka-client.js";
import { toSplitId } from "./kafka-split.js";

/** Which partitions a source reads (Flink `KafkaSubscriber`). */
export interface KafkaSubscriber {
  /** What it subscribes to, for people: such as "orders, payments". */
  readonly description: string;
  /**
   * The partitions that exist now, asked at each discovery outside the coordinator's loop.
   *
   * `isInitial`: nothing has been found so far, so what is missing is an error; later it has been
   * deleted, and is left out.
   */
  getSubscribedTopicPartitions(
    client: KafkaClient,
    isInitial: boolean,
  ): Promise<readonly TopicPartition[]>;
}

/** All partitions of these topics; throws KAFKA_REQUEST_FAILED for topics that do not exist. */
export function topicListSubscriber(topics: readonly string[]): KafkaSubscriber {
  const names = [...new Set(topics)];
  return {
    description: shortened(names),
    async getSubscribedTopicPartitions(client, isInitial) {
      const counts = await client.partitionCounts(names);
      const missing = names.filter((topic) => !counts.has(topic));
      if (isInitial && missing.length > 0) throw doesNotExist("topic", missing);
      return partitionsOf(counts);
    },
  };
}

/** All partitions of the topics that the pattern finds; there may be none so far. */
export function topicPatternSubscriber(pattern: RegExp): KafkaSubscriber {
  // With these flags a RegExp remembers where it stood.
  const matcher = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  return {
    description: String(pattern),
    async getSubscribedTopicPartitions(client) {
      const topics = (await client.listTopics()).filter((topic) => matcher.test(topic));
      return topics.length === 0 ? [] : partitionsOf(await client.partitionCounts(topics));
    },
  };
}

/** These partitions; throws KAFKA_REQUEST_FAILED for those that do not exist. */
export function partitionSetSubscriber(partitions: readonly TopicPartition[]): KafkaSubscriber {
  const wanted = partitions.map(({ topic, partition }) => ({ topic, partition }));
  const topics = [...new Set(wanted.map(({ topic }) => topic))];
  return {
    description: shortened(wanted.map(toSplitId)),
    async getSubscribedTopicPartitions(client, isInitial) {
      const counts = await client.partitionCounts(topics);
      const exists = ({ topic, partition }: TopicPartition): boolean =>
        partition < (counts.get(topic) ?? 0);
      const missing = wanted.filter((partition) => !exists(partition));
      if (isInitial && missing.length > 0) throw doesNotExist("partition", missing.map(toSplitId));
      return wanted.filter(exists);
    },
  };
}

function partitionsOf(counts: ReadonlyMap<string, number>): TopicPartition[] {
  const partitions: TopicPartition[] = [];
  for (const [topic, count] of counts) {
    for (let partition = 0; partition < count; partition++) partitions.push({ topic, partition });
  }
  return partitions;
}

function doesNotExist(what: "topic" | "partition", missing: readonly string[]): HeadwaterError {
  const one = missing.length === 1;
  return new HeadwaterError(
    "KAFKA_REQUEST_FAILED",
    `${what}${one ? "" : "s"} ${shortened(missing)} ${one ? "does" : "do"} not exist on these brokers, or this user may not see ${one ? "it" : "them"}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Check the names and brokers of kafkaSource, create what is missing, or give the user the right to describe it.",
    },
  );
}

function shortened(names: readonly string[]): string {
  return `${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`;
}
