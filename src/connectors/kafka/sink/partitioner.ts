import { partitionForKey } from "../records/index.js";
import type { KafkaField } from "./record-serializer.js";

/** Chooses the partition of a record: a whole number from 0, below `partitions`. */
export type CustomPartitioner<T> = (
  record: T,
  key: KafkaField,
  topic: string,
  partitions: number,
) => number;

/**
 * Which partition a record goes to.
 *
 * "key-hash": that of its key as Kafka's producers choose it (murmur2); a record without a key goes to
 * one partition until its batch is full, then to the next (KIP-480). "fixed": subtask modulo
 * partitions (Flink `FlinkFixedPartitioner`). "round-robin": one after the other.
 */
export type KafkaPartitioner<T> = "key-hash" | "fixed" | "round-robin" | CustomPartitioner<T>;

/** What a partitioner knows of a topic. */
export interface PartitionedTopic {
  readonly name: string;
  readonly partitionCount: number;
  /** For records without a key: moves on when a batch of it is built. */
  sticky: number;
  /** For "round-robin". */
  turn: number;
}

/** The partition of each record; keys that are hashed come as bytes. */
export type ChoosePartition<T> = (record: T, key: KafkaField, topic: PartitionedTopic) => number;

export function compilePartitioner<T>(
  partitioner: KafkaPartitioner<T>,
  subtask: number,
): ChoosePartition<T> {
  switch (partitioner) {
    case "fixed":
      return (_record, _key, topic) => subtask % topic.partitionCount;
    case "round-robin":
      return (_record, _key, topic) => {
        const partition = topic.turn % topic.partitionCount;
        topic.turn = partition + 1;
        return partition;
      };
    case "key-hash":
      return (_record, key, topic) =>
        key === null
          ? topic.sticky % topic.partitionCount
          : partitionForKey(asBytes(key), topic.partitionCount);
    default:
      return (record, key, topic) => partitioner(record, key, topic.name, topic.partitionCount);
  }
}

function asBytes(key: Uint8Array | string): Uint8Array {
  return typeof key === "string" ? Buffer.from(key) : key;
}
