import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import {
  type KafkaSourceSettings,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { causeOf, readAll, SourceJob } from "./source-jobs.js";
import { Admin, clientOf, numbers, write } from "./source-topics.js";

const kafka = useSharedKafka();
const admin = (): Admin => new Admin(kafka().bootstrap);

const sourceOf = (settings: Omit<KafkaSourceSettings<string>, "deserializer">) =>
  kafkaSource<string>({
    brokers: kafka().bootstrap,
    deserializer: kafkaString(),
    maxWait: 100,
    ...settings,
  } as never);

/** A savepoint of a job that has read the ten records of a topic. */
async function savepointOf(topic: string) {
  const directory = mkdtempSync(join(tmpdir(), "headwater-kafka-source-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const checkpoint = { directory };
  const client = await clientOf(kafka().bootstrap);
  await write(client, { topic, partition: 0 }, numbers(0, 10));
  const job = await SourceJob.start(sourceOf({ topics: topic }), { checkpoint });
  await job.reach(10);
  const { location: fromSavepoint } = await job.handle.stop();
  await job.finish();
  return { checkpoint, fromSavepoint };
}

async function recreate(topic: string): Promise<void> {
  await admin().deleteTopic(topic);
  const client = await clientOf(kafka().bootstrap);
  await expect.poll(() => client.partitionCounts([topic])).toEqual(new Map());
  await admin().createTopic({ name: topic });
}

it("starts where the log begins now, when old records are gone", async () => {
  const topic = await admin().createTopic({ partitions: 2 });
  const client = await clientOf(kafka().bootstrap);
  await write(client, { topic, partition: 0 }, numbers(0, 10));
  await write(client, { topic, partition: 1 }, numbers(20, 30));
  // In the middle of a batch.
  await admin().deleteRecords(topic, [4, 10]);
  const read = (startFrom: "earliest" | { timestamp: number }) =>
    readAll(sourceOf({ topics: topic, stopAt: "latest", startFrom }));
  expect(await read("earliest")).toEqual(numbers(4, 10));
  expect(await read({ timestamp: 0 })).toEqual(numbers(4, 10));
});

it("fails when the records to read on with were deleted, and says which", async () => {
  const topic = await admin().createTopic();
  const settings = await savepointOf(topic);
  const client = await clientOf(kafka().bootstrap);
  await write(client, { topic, partition: 0 }, numbers(10, 20));
  await admin().deleteRecords(topic, [15]);
  const job = await SourceJob.start(sourceOf({ topics: topic }), {
    ...settings,
    checkpoint: { ...settings.checkpoint, interval: 100 },
  });
  const error = causeOf(await job.failure(), "KAFKA_OFFSET_OUT_OF_RANGE");
  expect(error.message).toBe(
    `partition ${topic}-0: offset 10 is out of range; the log reaches from 15 to 20`,
  );
  expect(error.hint).toContain("retention");
  expect(job.handle.status().restarts).toBe(0);

  const earliest = await SourceJob.start(
    sourceOf({ topics: topic, outOfRange: "earliest" }),
    settings,
  );
  await earliest.reach(5);
  expect(earliest.records).toEqual(numbers(15, 20));
  await earliest.until(() => earliest.gauge("offsetResets") === 1, "the count");

  const latest = await SourceJob.start(sourceOf({ topics: topic, outOfRange: "latest" }), settings);
  await latest.until(() => latest.gauge("offsetResets") === 1, "the reset");
  await latest.until(() => latest.gauge(`${topic}.partition.0.currentOffset`) === 19, "the end");
  await write(client, { topic, partition: 0 }, ["20"]);
  await latest.reach(1);
  expect(latest.records).toEqual(["20"]);
});

it("fails when the topic was made anew and is shorter, or begins again", async () => {
  const topic = await admin().createTopic();
  const settings = await savepointOf(topic);
  await recreate(topic);
  const client = await clientOf(kafka().bootstrap);
  await write(client, { topic, partition: 0 }, ["new 0", "new 1"]);
  const failed = await SourceJob.start(sourceOf({ topics: topic }), settings);
  const error = causeOf(await failed.failure(), "KAFKA_OFFSET_OUT_OF_RANGE");
  expect(error.message).toContain("offset 10 is out of range; the log reaches from 0 to 2");
  expect(error.hint).toContain("made anew");
  const reset = await SourceJob.start(
    sourceOf({ topics: topic, outOfRange: "earliest" }),
    settings,
  );
  await reset.reach(2);
  expect(reset.records).toEqual(["new 0", "new 1"]);
});

it("notices while it runs that the topic was made anew", async () => {
  const topic = await admin().createTopic();
  const client = await clientOf(kafka().bootstrap);
  await write(client, { topic, partition: 0 }, numbers(0, 10));
  const source = sourceOf({ topics: topic, outOfRange: "earliest", discoveryInterval: 100 });
  const job = await SourceJob.start(source);
  await job.reach(10);
  await recreate(topic);
  await write(await clientOf(kafka().bootstrap), { topic, partition: 0 }, ["new 0"]);
  await job.reach(11);
  expect(job.records.at(-1)).toBe("new 0");
});

it("fails of offsets that the log has not, when it starts there", async () => {
  const topic = await admin().createTopic();
  const client = await clientOf(kafka().bootstrap);
  await write(client, { topic, partition: 0 }, numbers(0, 10));
  const startFrom = { offsets: [{ topic, partition: 0, offset: 11 }] };
  const job = await SourceJob.start(sourceOf({ topics: topic, startFrom }));
  const error = causeOf(await job.failure(), "KAFKA_OFFSET_OUT_OF_RANGE");
  expect(error.message).toContain("offset 11 is out of range; the log reaches from 0 to 10");
});
