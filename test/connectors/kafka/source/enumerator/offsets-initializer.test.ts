import { describe, expect, it } from "vitest";
import type { TopicPartition } from "../../../../../src/connectors/kafka/client/kafka-client.js";
import {
  committedOffsets,
  earliest,
  latest,
  noStoppingOffset,
  type OffsetsInitializer,
  offsets,
  timestamp,
} from "../../../../../src/connectors/kafka/source/offsets-initializer.js";
import { PartitionOffsetsRetriever } from "../../../../../src/connectors/kafka/source/partition-offsets.js";
import type { SimulatedKafka } from "../../../../support/kafka/simulated-kafka.js";
import { clusterOf } from "./enumerator-bench.js";

const PARTITIONS: readonly TopicPartition[] = [0, 1].map((partition) => ({
  topic: "topic",
  partition,
}));

/** Two partitions of ten records, a second apart; the group has committed 4 of the first. */
function cluster(): SimulatedKafka {
  const kafka = clusterOf(2);
  kafka.groups.set("group", new Map([["topic-0", 4]]));
  return kafka;
}

async function ask(
  initializer: OffsetsInitializer,
  kafka = cluster(),
  groupId: string | undefined = "group",
): Promise<unknown> {
  const client = await kafka.create("test");
  const retriever = new PartitionOffsetsRetriever(client, groupId, "read_committed");
  return Object.fromEntries(await initializer.getPartitionOffsets(PARTITIONS, retriever));
}

const named = [{ topic: "topic", partition: 1, offset: 6 }];

describe("offsets", () => {
  it.each<[string, OffsetsInitializer, unknown]>([
    ["earliest: left to the reader", earliest(), { "topic-0": -2, "topic-1": -2 }],
    ["latest: the end", latest(), { "topic-0": 10, "topic-1": 10 }],
    ["a timestamp: its record", timestamp(3000), { "topic-0": 3, "topic-1": 3 }],
    ["between records: the later one", timestamp(3001), { "topic-0": 4, "topic-1": 4 }],
    ["behind the last record: the end", timestamp(9001), { "topic-0": 10, "topic-1": 10 }],
    ["committed or earliest [KP-08]", committedOffsets("earliest"), { "topic-0": 4, "topic-1": 0 }],
    ["committed or latest [KP-08]", committedOffsets("latest"), { "topic-0": 4, "topic-1": 10 }],
    ["named, others committed", offsets(named, "none"), { "topic-0": 4, "topic-1": 6 }],
    ["never", noStoppingOffset(), {}],
  ])("of %s", async (_name, initializer, expected) => {
    expect(await ask(initializer)).toEqual(expected);
  });

  it("that a group has not committed are an error without a reset [KP-07]", async () => {
    await expect(ask(committedOffsets("none"))).rejects.toMatchObject({
      code: "KAFKA_REQUEST_FAILED",
      retry: "never",
      message: 'partition topic-1: no offset is named or committed, and reset is "none"',
    });
  });

  it("of partitions that are not named follow the reset where there is no group", async () => {
    const kafka = cluster();
    const client = await kafka.create("test");
    const retriever = new PartitionOffsetsRetriever(client, undefined, "read_committed");
    const found = await offsets(named, "latest").getPartitionOffsets(PARTITIONS, retriever);
    expect(Object.fromEntries(found)).toEqual({ "topic-0": 10, "topic-1": 6 });
    expect(kafka.count("committedOffsets")).toBe(0);
  });

  it("of the end lie before an open transaction when only committed records are read", async () => {
    const kafka = cluster();
    const producer = await (await kafka.create("p")).initProducerId("tx", 60_000);
    kafka.appendTransactional("topic", 0, producer, ["open"]);
    kafka.append("topic", 0, ["behind"]);
    expect(await ask(latest(), kafka)).toEqual({ "topic-0": 10, "topic-1": 10 });
  });

  it("of a partition without a leader can be asked for again", async () => {
    const kafka = cluster();
    kafka.moveLeader("topic", 1, undefined);
    await expect(ask(latest(), kafka)).rejects.toMatchObject({
      code: "KAFKA_REQUEST_FAILED",
      retry: "backoff",
      message:
        "the latest offset of partition topic-1 could not be looked up: LEADER_NOT_AVAILABLE",
    });
  });

  it("that a user may not see are not asked for again", async () => {
    const kafka = cluster();
    kafka.fault = ({ type }) =>
      type === "listOffsets" ? { error: "TOPIC_AUTHORIZATION_FAILED" } : undefined;
    await expect(ask(timestamp(1), kafka)).rejects.toMatchObject({ retry: "never" });
  });
});
