import { describe, expect, it } from "vitest";
import { protocolErrorOf } from "../../../../src/connectors/kafka/client/client-errors.js";
import type {
  FetchRequest,
  KafkaClient,
} from "../../../../src/connectors/kafka/client/kafka-client.js";
import { RecordBatchReader, RecordCodecs } from "../../../../src/connectors/kafka/records/index.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { batch, makeTopic, uniqueName, useClients, write } from "./kafka-fixtures.js";

const kafka = useSharedKafka();
const clients = useClients();
const codecs = await RecordCodecs.load();

const connect = (): Promise<KafkaClient> => clients({ brokers: kafka().bootstrap });

function fetchFrom(topic: string, offset: number, more: Partial<FetchRequest> = {}): FetchRequest {
  return {
    isolation: "read_uncommitted",
    maxWait: 200,
    minBytes: 1,
    maxBytes: 1_000_000,
    positions: [{ topic, partition: 0, offset, maxBytes: 1_000_000 }],
    ...more,
  };
}

async function valuesOf(client: KafkaClient, request: FetchRequest): Promise<readonly string[]> {
  const { topic, partition, offset } = request.positions[0] as FetchRequest["positions"][number];
  const leader = await client.leaderOf({ topic, partition });
  const [fetched] = await client.fetch(leader ?? -1, request);
  if (fetched?.records === undefined) return [];
  const reader = new RecordBatchReader(fetched.records, {
    codecs,
    partition: topic,
    from: offset,
    ...(request.isolation === "read_committed"
      ? { abortedTransactions: fetched.abortedTransactions }
      : {}),
  });
  return [...reader].map(({ value }) => Buffer.from(value ?? []).toString());
}

describe("topics", () => {
  it("lists topics, but none of Kafka's own", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    const listed = await client.listTopics();
    expect(listed).toContain(topic);
    expect(listed).not.toContain("__consumer_offsets");
  });

  it("counts partitions and leaves out a topic that does not exist", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap, { partitions: 3 });
    const counts = await client.partitionCounts([topic, "client-no-such-topic"]);
    expect([...counts]).toEqual([[topic, 3]]);
  });

  it("has no leader for a partition that does not exist", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    expect(await client.leaderOf({ topic, partition: 0 })).toBe(1);
    expect(await client.leaderOf({ topic, partition: 7 })).toBeUndefined();
    expect(await client.leaderOf({ topic: "client-no-such-topic", partition: 0 })).toBeUndefined();
  });
});

describe("records", () => {
  it("reads back the very bytes that it has written", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    const written = batch(["a", "b", "c"]);
    expect(await write(client, topic, 0, written)).toEqual({
      topic,
      partition: 0,
      error: "NONE",
      baseOffset: 0,
    });
    expect((await write(client, topic, 0, batch(["d"]))).baseOffset).toBe(3);
    const [fetched] = await client.fetch(1, fetchFrom(topic, 0));
    expect(fetched).toMatchObject({ topic, partition: 0, error: "NONE", logStartOffset: 0 });
    expect(fetched).toMatchObject({ highWatermark: 4, lastStableOffset: 4 });
    // The broker sets the base offset and the leader's epoch; what the checksum covers stays.
    expect(fetched?.records?.subarray(17, written.length)).toEqual(written.subarray(17));
    expect(await valuesOf(client, fetchFrom(topic, 1))).toEqual(["b", "c", "d"]);
  });

  it("answers for each partition of a fetch by itself", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap, { partitions: 2 });
    await write(client, topic, 1, batch(["x"]));
    const position = { topic, offset: 0, maxBytes: 1000 };
    const fetched = await client.fetch(1, {
      ...fetchFrom(topic, 0),
      positions: [
        { ...position, partition: 0, offset: 99 },
        { ...position, partition: 1 },
        { ...position, partition: 5 },
      ],
    });
    expect(fetched.map(({ partition, error }) => [partition, error])).toEqual([
      [0, "OFFSET_OUT_OF_RANGE"],
      [1, "NONE"],
      [5, "UNKNOWN_TOPIC_OR_PARTITION"],
    ]);
    expect(fetched[1]?.records?.length).toBeGreaterThan(0);
  });

  it("answers for every partition of a produce request", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap, { partitions: 2 });
    const partitions = [1, 9, 0].map((partition) => ({ topic, partition, records: batch(["v"]) }));
    await client.leaderOf({ topic, partition: 0 });
    const answers = await client.produce(1, {
      acks: -1,
      timeout: 5000,
      transactionalId: undefined,
      partitions,
    });
    expect(answers).toEqual([
      { topic, partition: 1, error: "NONE", baseOffset: 0 },
      { topic, partition: 9, error: "UNKNOWN_TOPIC_OR_PARTITION", baseOffset: -1 },
      { topic, partition: 0, error: "NONE", baseOffset: 0 },
    ]);
  });

  it("waits for no answer with acks 0", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    const leader = (await client.leaderOf({ topic, partition: 0 })) ?? -1;
    const partitions = [{ topic, partition: 0, records: batch(["quick"]) }];
    const request = { timeout: 5000, transactionalId: undefined, partitions };
    expect(await client.produce(leader, { ...request, acks: 0 })).toEqual([]);
    await client.produce(leader, { ...request, acks: 1 });
    expect(await valuesOf(client, fetchFrom(topic, 0))).toEqual(["quick", "quick"]);
  });

  it("does not let a fetch that waits hold up other requests", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    await client.leaderOf({ topic, partition: 0 });
    const order: string[] = [];
    const waiting = client.fetch(1, fetchFrom(topic, 0, { maxWait: 20_000 })).then((fetched) => {
      order.push(`fetched ${fetched[0]?.error}`);
    });
    // The first may go out before the fetch, the second cannot.
    await client.listTopics();
    await client.listTopics();
    order.push("listed");
    await write(client, topic, 0, batch(["now"]));
    await waiting;
    expect(order).toEqual(["listed", "fetched NONE"]);
  });

  it("does not let a fetch that waits hold up a second one from the same broker", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap, { partitions: 2 });
    await write(client, topic, 1, batch(["there"]));
    const order: string[] = [];
    const waiting = client.fetch(1, fetchFrom(topic, 0, { maxWait: 20_000 })).then(() => {
      order.push("first");
    });
    const positions = [{ topic, partition: 1, offset: 0, maxBytes: 1000 }];
    for (const round of ["second", "third"]) {
      const [fetched] = await client.fetch(1, { ...fetchFrom(topic, 0), positions });
      expect(fetched?.records?.length).toBeGreaterThan(0);
      order.push(round);
    }
    await write(client, topic, 0, batch(["now"]));
    await waiting;
    expect(order).toEqual(["second", "third", "first"]);
  });

  it("sends more than a megabyte at once, and gets it back", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap, { partitions: 3 });
    const value = "x".repeat(600_000);
    await client.leaderOf({ topic, partition: 0 });
    const partitions = [0, 1, 2].map((partition) => ({
      topic,
      partition,
      records: batch([value]),
    }));
    const answers = await client.produce(1, {
      acks: -1,
      timeout: 5000,
      transactionalId: undefined,
      partitions,
    });
    expect(answers.map(({ error }) => error)).toEqual(["NONE", "NONE", "NONE"]);
    expect((await valuesOf(client, fetchFrom(topic, 0)))[0]?.length).toBe(600_000);
  });
});

describe("offsets", () => {
  it("finds the first, the last and that of a time, also for one partition at once", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap, { partitions: 2 });
    const now = Date.now();
    await write(client, topic, 0, batch(["a", "b"], { timestamp: now - 2000 }));
    await write(client, topic, 0, batch(["c"], { timestamp: now - 1000 }));
    const at = { topic, partition: 0 };
    const answers = await client.listOffsets(
      [
        { ...at, at: "earliest" },
        { ...at, at: "latest" },
        { ...at, at: now - 1500 },
        { ...at, at: now },
        { topic, partition: 1, at: "latest" },
      ],
      "read_uncommitted",
    );
    expect(answers.map(({ error }) => error)).toEqual(Array(5).fill("NONE"));
    expect(answers.map(({ offset }) => offset)).toEqual([0, 3, 2, undefined, 0]);
  });

  it("answers with an error for a topic that does not exist, and for the others as usual", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    const answers = await client.listOffsets(
      [
        { topic: "client-no-such-topic", partition: 0, at: "latest" },
        { topic, partition: 0, at: "latest" },
      ],
      "read_committed",
    );
    expect(answers.map(({ error, offset }) => [error, offset])).toEqual([
      ["UNKNOWN_TOPIC_OR_PARTITION", undefined],
      ["NONE", 0],
    ]);
  });

  it("commits offsets of a group that Kafka's own tool shows", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap, { partitions: 2 });
    const group = uniqueName("group");
    await write(client, topic, 0, batch(["a", "b", "c"]));
    await client.commitOffsets(group, [{ topic, partition: 0, offset: 2 }]);
    expect(
      await client.committedOffsets(group, [
        { topic, partition: 1 },
        { topic, partition: 0 },
      ]),
    ).toEqual([
      { topic, partition: 1, offset: undefined },
      { topic, partition: 0, offset: 2 },
    ]);
    const shown = await kafka().runTool(
      "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
      ["--bootstrap-server", kafka().bootstrap, "--describe", "--group", group],
    );
    expect(shown).toMatch(new RegExp(`${group}\\s+${topic}\\s+0\\s+2\\s+3\\s+1`));
  });
});

describe("transactions", () => {
  it("shows committed transactions, and hides open and aborted ones", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    const transactionalId = uniqueName("tx");
    const identity = await client.initProducerId(transactionalId, 60_000);
    const producer = { transactionalId, ...identity };
    const inTransaction = (values: readonly string[], sequence: number): Promise<unknown> =>
      write(
        client,
        topic,
        0,
        batch(values, { ...identity, isTransactional: true, sequence }),
        transactionalId,
      );
    const committed = fetchFrom(topic, 0, { isolation: "read_committed" });
    const last = async (isolation: "read_committed" | "read_uncommitted") =>
      (await client.listOffsets([{ topic, partition: 0, at: "latest" }], isolation))[0]?.offset;

    await client.addPartitionsToTransaction(producer, [{ topic, partition: 0 }]);
    expect(await inTransaction(["a", "b"], 0)).toMatchObject({ error: "NONE" });
    expect(await valuesOf(client, committed)).toEqual([]);
    expect(await last("read_committed")).toBe(0);
    expect(await last("read_uncommitted")).toBe(2);
    expect(await client.endTransaction(producer, true)).toBe("NONE");
    // Once more: as after a restart that does not know whether it was done.
    expect(await client.endTransaction(producer, true)).toBe("NONE");

    await client.addPartitionsToTransaction(producer, [{ topic, partition: 0 }]);
    expect(await inTransaction(["no"], 2)).toMatchObject({ error: "NONE" });
    expect(await client.endTransaction(producer, false)).toBe("NONE");
    expect(await client.endTransaction(producer, true)).toBe("INVALID_TXN_STATE");
    await write(client, topic, 0, batch(["c"]));
    await expect.poll(() => valuesOf(client, committed)).toEqual(["a", "b", "c"]);
    expect(await valuesOf(client, fetchFrom(topic, 0))).toEqual(["a", "b", "no", "c"]);
  });

  it("commits a transaction of another client, which has gone", async () => {
    const topic = await makeTopic(kafka().bootstrap);
    const transactionalId = uniqueName("tx");
    const first = await connect();
    const identity = await first.initProducerId(transactionalId, 60_000);
    const producer = { transactionalId, ...identity };
    await first.addPartitionsToTransaction(producer, [{ topic, partition: 0 }]);
    const records = batch(["left behind"], { ...identity, isTransactional: true });
    await write(first, topic, 0, records, transactionalId);
    await first.close();
    const second = await connect();
    expect(await second.endTransaction(producer, true)).toBe("NONE");
    const committed = fetchFrom(topic, 0, { isolation: "read_committed" });
    await expect.poll(() => valuesOf(second, committed)).toEqual(["left behind"]);
  });

  it("fences the producer before, and aborts what it has left open", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    const transactionalId = uniqueName("tx");
    const old = { transactionalId, ...(await client.initProducerId(transactionalId, 60_000)) };
    await client.addPartitionsToTransaction(old, [{ topic, partition: 0 }]);
    await write(
      client,
      topic,
      0,
      batch(["lost"], { ...old, isTransactional: true }),
      transactionalId,
    );
    const next = await client.initProducerId(transactionalId, 60_000);
    expect(next.producerId).toBe(old.producerId);
    expect(next.producerEpoch).toBeGreaterThan(old.producerEpoch);
    const refused = await client
      .addPartitionsToTransaction(old, [{ topic, partition: 0 }])
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "KAFKA_REQUEST_FAILED", retry: "never" });
    expect(protocolErrorOf(refused)).toMatch(/^(?:INVALID_PRODUCER_EPOCH|PRODUCER_FENCED)$/);
    expect(await client.endTransaction(old, true)).toMatch(/EPOCH|FENCED/);
    const committed = fetchFrom(topic, 0, { isolation: "read_committed" });
    expect(await valuesOf(client, committed)).toEqual([]);
  });

  it("gives producers without a transactional id different ids", async () => {
    const client = await connect();
    const one = await client.initProducerId(undefined, 60_000);
    const other = await client.initProducerId(undefined, 60_000);
    expect(one.producerEpoch).toBe(0);
    expect(other.producerId).not.toBe(one.producerId);
  });

  it("says when the brokers do not allow so long a transaction", async () => {
    const client = await connect();
    await expect(client.initProducerId(uniqueName("tx"), 2 ** 31 - 1)).rejects.toThrow(
      /INVALID_TRANSACTION_TIMEOUT/,
    );
  });
});

describe("close", () => {
  it("rejects what is under way and all that comes later, at once", async () => {
    const client = await connect();
    const topic = await makeTopic(kafka().bootstrap);
    await client.leaderOf({ topic, partition: 0 });
    const waiting = client.fetch(1, fetchFrom(topic, 0, { maxWait: 30_000 }));
    const rejected = expect(waiting).rejects.toThrow("the Kafka client test is closed");
    await client.listTopics();
    await client.close();
    await rejected;
    await expect(client.listTopics()).rejects.toThrow("the Kafka client test is closed");
    await client.close();
  });
});
