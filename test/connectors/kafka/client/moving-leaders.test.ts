import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import {
  type KafkaBroker,
  kafkaSkipReason,
  SASL_USER,
  startKafka,
} from "../../../support/kafka/kafka-broker.js";
import { batch, makeTopic, uniqueName, useClients, write } from "./kafka-fixtures.js";

const why = kafkaSkipReason();
const clients = useClients();
let cluster: KafkaBroker;

beforeAll(async () => {
  if (why !== undefined) return;
  // Users other than the anonymous ones of the plain port have no rights.
  const properties = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
  };
  cluster = await startKafka({ nodes: 2, properties });
}, 240_000);
afterAll(() => cluster?.stop());
beforeEach(({ skip }) => {
  if (why !== undefined) skip(why);
});

it("refuses what a user has no right to, by name", async () => {
  const topic = await makeTopic(cluster.bootstrap, { brokers: [[1]] });
  const sasl = { mechanism: "plain", ...SASL_USER } as const;
  const client = await clients({ brokers: cluster.saslBootstrap, sasl });
  expect(await client.listTopics()).toEqual([]);
  await expect(client.partitionCounts([topic])).rejects.toThrow(
    new RegExp(`${topic}: TOPIC_AUTHORIZATION_FAILED`),
  );
  await expect(client.committedOffsets("g", [{ topic, partition: 0 }])).rejects.toThrow(
    /GROUP_AUTHORIZATION_FAILED/,
  );
});

it("goes on with the new leader when a broker stops, and with the old one when it is back", async () => {
  const client = await clients({ brokers: cluster.bootstrap });
  const topic = await makeTopic(cluster.bootstrap, { brokers: [[2, 1]] });
  const at = { topic, partition: 0 };
  expect(await client.leaderOf(at)).toBe(2);
  await write(client, topic, 0, batch(["before"]));
  await cluster.stopNode(2);

  // What is cached is wrong now: a lookup finds the leader by itself, a fetch says so.
  expect(await client.listOffsets([{ ...at, at: "latest" }], "read_uncommitted")).toEqual([
    { ...at, error: "NONE", offset: 1 },
  ]);
  const request = {
    isolation: "read_uncommitted" as const,
    maxWait: 100,
    minBytes: 1,
    maxBytes: 1000,
    positions: [{ ...at, offset: 0, maxBytes: 1000 }],
  };
  await expect(client.fetch(2, request)).rejects.toMatchObject({
    code: "CONNECTION_FAILED",
    retry: "backoff",
  });
  await client.refreshMetadata([topic]);
  expect(await client.leaderOf(at)).toBe(1);
  expect(await write(client, topic, 0, batch(["after"]))).toMatchObject({ baseOffset: 1 });

  await cluster.restartNode(2);
  await expect
    .poll(() => client.fetch(2, request).catch(() => []), { timeout: 120_000 })
    .toMatchObject([{ error: "NOT_LEADER_OR_FOLLOWER" }]);
}, 400_000);

it("survives a restart of the broker that coordinates groups and transactions", async () => {
  const client = await clients({
    brokers: cluster.bootstrap,
    retry: { retries: 300, maxRetryTime: "1s" },
  });
  const topic = await makeTopic(cluster.bootstrap, { brokers: [[1]] });
  const group = uniqueName("group");
  const transactionalId = uniqueName("tx");
  const identity = await client.initProducerId(transactionalId, 600_000);
  const producer = { transactionalId, ...identity };
  await client.addPartitionsToTransaction(producer, [{ topic, partition: 0 }]);
  const records = batch(["kept"], { ...identity, isTransactional: true });
  await write(client, topic, 0, records, transactionalId);
  await cluster.killNode(1);
  const committing = client.commitOffsets(group, [{ topic, partition: 0, offset: 7 }]);
  await cluster.restartNode(1);
  await committing;
  const offsets = await client.committedOffsets(group, [{ topic, partition: 0 }]);
  expect(offsets).toEqual([{ topic, partition: 0, offset: 7 }]);
  expect(await client.endTransaction(producer, true)).toBe("NONE");
  const query = { topic, partition: 0, at: "latest" } as const;
  await expect
    .poll(() => client.listOffsets([query], "read_committed"), { timeout: 120_000 })
    .toMatchObject([{ offset: 2 }]);
}, 400_000);
