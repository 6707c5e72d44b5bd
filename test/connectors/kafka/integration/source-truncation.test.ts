import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { KafkaClient } from "../../../../src/connectors/kafka/client/index.js";
import {
  type KafkaSourceSettings,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import {
  type KafkaBroker,
  kafkaSkipReason,
  startKafka,
} from "../../../support/kafka/kafka-broker.js";
import { causeOf, SourceJob } from "./source-jobs.js";
import { Admin, clientOf, numbers, until, write } from "./source-topics.js";

const LONGEST = 60_000;

const why = kafkaSkipReason();
let cluster: KafkaBroker;

// The brokers that lead come and go; the first one stays, with the controller.
beforeAll(async () => {
  if (why !== undefined) return;
  const properties = { "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500 };
  cluster = await startKafka({ nodes: 2, properties });
  await cluster.addNode();
}, 360_000);
afterAll(() => cluster?.stop());
beforeEach(({ skip }) => {
  if (why !== undefined) skip(why);
});

const sourceOf = (topic: string, settings: Partial<KafkaSourceSettings<string>> = {}) =>
  kafkaSource<string>({
    brokers: cluster.bootstrap,
    topics: topic,
    deserializer: kafkaString(),
    maxWait: 100,
    ...settings,
  } as never);

async function leads(client: KafkaClient, topic: string, broker: number): Promise<void> {
  const isLeading = async (): Promise<boolean> => {
    await client.refreshMetadata([topic]);
    return (await client.leaderOf({ topic, partition: 0 })) === broker;
  };
  await until(isLeading, `broker ${broker} as the leader`, LONGEST);
}

it("notices that an unclean election has cut the log, also where its offsets have come again", async () => {
  const admin = new Admin(cluster.bootstrap);
  const config = { "unclean.leader.election.enable": "true", "min.insync.replicas": 1 };
  const topic = await admin.createTopic({ brokers: [[2, 3]], config });
  const client = await clientOf(cluster.bootstrap);
  const at = { topic, partition: 0 };
  const failing = await SourceJob.start(sourceOf(topic));
  const going = await SourceJob.start(sourceOf(topic, { outOfRange: "latest" }));
  const jobs = [failing, going];
  await write(client, at, numbers(0, 10));
  await Promise.all(jobs.map((job) => job.reach(10, LONGEST)));

  // A busy broker is taken for dead for a while, so either may lead by now.
  await client.refreshMetadata([topic]);
  const [lost, left] = (await client.leaderOf(at)) === 2 ? [2, 3] : [3, 2];
  // Only one broker has what comes now; then it is lost.
  await cluster.killNode(left);
  await write(client, at, numbers(10, 20));
  await Promise.all(jobs.map((job) => job.reach(20, LONGEST)));
  await cluster.killNode(lost);
  await cluster.restartNode(left);
  await leads(client, topic, left);
  // The log reaches as far as before, and further.
  const newer = numbers(110, 125);
  expect(await write(client, at, newer)).toBe(10);

  await going.reach(35, LONGEST);
  expect(going.records).toEqual([...numbers(0, 20), ...newer]);
  expect(going.gauge("offsetResets")).toBe(1);
  const error = causeOf(await failing.failure(LONGEST), "KAFKA_OFFSET_OUT_OF_RANGE");
  expect(error.message).toBe(
    `partition ${topic}-0: the log was cut before offset 20: what was read from 10 up to it is not in the log any more`,
  );
  expect(error.hint).toContain("unclean");
  expect(failing.records).toEqual(numbers(0, 20));

  // The old leader comes back and takes the others' log for its own; nobody is disturbed.
  await cluster.restartNode(lost);
  await write(client, at, ["last"]);
  await going.reach(36, LONGEST);
  expect(going.records.at(-1)).toBe("last");
  expect(going.gauge("offsetResets")).toBe(1);
}, 300_000);
