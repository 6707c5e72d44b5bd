import type { TopicPartition } from "../client/kafka-client.js";

/**
 * The subtask that reads a partition (Flink `KafkaSourceEnumerator.getSplitOwner`): the partitions of
 * a topic go round, from a subtask that the topic's name gives.
 */
export function splitOwner({ topic, partition }: TopicPartition, readers: number): number {
  const start = (Math.imul(javaHash(topic), 31) & 0x7fffffff) % readers;
  return (start + partition) % readers;
}

/** Java's `String.hashCode`. */
function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}
