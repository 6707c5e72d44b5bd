import { describe, expect, it } from "vitest";
import {
  type KafkaSubscriber,
  partitionSetSubscriber,
  topicListSubscriber,
  topicPatternSubscriber,
} from "../../../../../src/connectors/kafka/source/subscriber.js";
import { clusterOf } from "./enumerator-bench.js";

async function find(subscriber: KafkaSubscriber, isInitial = true): Promise<string[]> {
  const kafka = clusterOf(2).createTopic("flights", 1).createTopic("old-flights", 1);
  const client = await kafka.create("test");
  const found = await subscriber.getSubscribedTopicPartitions(client, isInitial);
  return found.map(({ topic, partition }) => `${topic}-${partition}`).sort();
}

const place = (topic: string, partition: number) => ({ topic, partition });

describe("a list of topics", () => {
  it("gives all their partitions, each once", async () => {
    expect(await find(topicListSubscriber(["topic", "flights", "topic"]))).toEqual([
      "flights-0",
      "topic-0",
      "topic-1",
    ]);
  });

  it("names what does not exist at first, and leaves it out later", async () => {
    const subscriber = topicListSubscriber(["topic", "gone", "lost"]);
    await expect(find(subscriber)).rejects.toThrow(
      "topics gone, lost do not exist on these brokers, or this user may not see them",
    );
    expect(await find(subscriber, false)).toEqual(["topic-0", "topic-1"]);
  });
});

describe("a pattern", () => {
  it("finds what RegExp.test finds", async () => {
    expect(await find(topicPatternSubscriber(/flights/))).toEqual(["flights-0", "old-flights-0"]);
    expect(await find(topicPatternSubscriber(/^flights$/))).toEqual(["flights-0"]);
  });

  it("finds the same each time, also with a flag that makes it remember", async () => {
    const subscriber = topicPatternSubscriber(/flights/gy);
    for (let i = 0; i < 3; i++) {
      expect(await find(subscriber)).toEqual(["flights-0", "old-flights-0"]);
    }
  });

  it("may find nothing", async () => {
    expect(await find(topicPatternSubscriber(/^nothing/))).toEqual([]);
  });
});

describe("a set of partitions", () => {
  it("gives these", async () => {
    expect(await find(partitionSetSubscriber([place("topic", 1), place("flights", 0)]))).toEqual([
      "flights-0",
      "topic-1",
    ]);
  });

  it("names what does not exist at first, and leaves it out later", async () => {
    const subscriber = partitionSetSubscriber([place("topic", 1), place("topic", 2)]);
    await expect(find(subscriber)).rejects.toThrow("partition topic-2 does not exist");
    expect(await find(subscriber, false)).toEqual(["topic-1"]);
  });
});
