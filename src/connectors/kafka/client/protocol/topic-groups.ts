import type { TopicPartition } from "../kafka-client.js";

/** Neighbouring entries of one topic, as a request has them. */
interface TopicGroup<P> {
  readonly topic: string;
  readonly partitions: P[];
}

/** Groups neighbours of the same topic; the order stays: a broker serves it from the start (KIP-74). */
export function byTopic<P extends TopicPartition>(entries: readonly P[]): readonly TopicGroup<P>[] {
  const groups: TopicGroup<P>[] = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    if (last?.topic === entry.topic) last.partitions.push(entry);
    else groups.push({ topic: entry.topic, partitions: [entry] });
  }
  return groups;
}

/** Each topic once, for requests in which a topic may not stand twice. */
export function onceByTopic<P extends TopicPartition>(
  entries: readonly P[],
): readonly TopicGroup<P>[] {
  const groups = new Map<string, TopicGroup<P>>();
  for (const entry of entries) {
    const group = groups.get(entry.topic);
    if (group === undefined) groups.set(entry.topic, { topic: entry.topic, partitions: [entry] });
    else group.partitions.push(entry);
  }
  return [...groups.values()];
}

/** `topic-partition`, as Kafka writes it. */
export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
