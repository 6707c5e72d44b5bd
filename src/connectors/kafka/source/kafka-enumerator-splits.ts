import { illegalState } from "../../../errors/index.js";
import type { KafkaClient, TopicPartition } from "../client/kafka-client.js";
import type { KafkaEnumeratorOptions } from "./kafka-source-options.js";
import { type KafkaPartitionSplit, kafkaPartitionSplit, toSplitId } from "./kafka-split.js";
import { earliest, type OffsetsInitializer } from "./offsets-initializer.js";
import { PartitionOffsetsRetriever } from "./partition-offsets.js";

/** What a look at the cluster has shown (Flink `PartitionChange`). */
export interface PartitionChange {
  /** Found before anything else had been: they start where the options say. */
  readonly initial: readonly TopicPartition[];
  /** Found later: they start at their beginning, so that nothing is missed. */
  readonly added: readonly TopicPartition[];
  readonly removed: readonly TopicPartition[];
}

/** The splits of new partitions, their offsets looked up; by topic and partition. */
export async function initializeSplits(
  client: KafkaClient,
  options: KafkaEnumeratorOptions,
  { initial, added }: PartitionChange,
): Promise<readonly KafkaPartitionSplit[]> {
  const { groupId, isolation, startingOffsets, stoppingOffsets } = options;
  const retriever = new PartitionOffsetsRetriever(client, groupId, isolation);
  const splitsOf = async (
    partitions: readonly TopicPartition[],
    starting: OffsetsInitializer,
  ): Promise<KafkaPartitionSplit[]> => {
    if (partitions.length === 0) return [];
    const starts = await starting.getPartitionOffsets(partitions, retriever);
    const stops = await stoppingOffsets.getPartitionOffsets(partitions, retriever);
    return partitions.map((partition) => {
      const id = toSplitId(partition);
      const start = starts.get(id);
      if (start === undefined) throw illegalState(`partition ${id} has no starting offset`);
      return kafkaPartitionSplit(partition, start, stops.get(id));
    });
  };
  const splits = [
    ...(await splitsOf(initial, startingOffsets)),
    ...(await splitsOf(added, earliest())),
  ];
  return splits.sort(byPartition);
}

function byPartition(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition;
}
