import { describe, expect, it } from "vitest";
import {
  type KafkaSourceSettings,
  kafkaBytes,
  kafkaKeyed,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { keyed, readAll, SourceJob } from "./source-jobs.js";
import {
  Admin,
  batchSizes,
  clientOf,
  type NewRecord,
  numbers,
  Transaction,
  uniqueName,
  until,
  write,
} from "./source-topics.js";

const kafka = useSharedKafka();
const admin = (): Admin => new Admin(kafka().bootstrap);

const sourceOf = <T>(settings: KafkaSourceSettings<T>) =>
  kafkaSource<T>({ brokers: kafka().bootstrap, maxWait: 100, ...settings } as never);

const text = kafkaString();
const values = (topic: string, settings: object = {}): Promise<readonly string[]> =>
  readAll(sourceOf({ topics: topic, stopAt: "latest", deserializer: text, ...settings }));

describe("transactions", () => {
  const FOUR_ZEROS = Buffer.alloc(4);

  it("leaves out aborted records whose key looks like a marker, and shows committed ones", async () => {
    const client = await clientOf(kafka().bootstrap);
    const at = { topic: await admin().createTopic(), partition: 0 };
    const named = (value: string): NewRecord => ({ key: FOUR_ZEROS, value });
    const one = await Transaction.begin(client, at);
    const two = await Transaction.begin(client, at);
    await one.write([named("aborted 1"), named("aborted 2")]);
    await write(client, at, [named("plain")]);
    await two.write([named("committed 1")]);
    await one.write([named("aborted 3")]);
    await two.write(["committed 2"]);
    await two.endUnwaited("commit");
    await one.end("abort");
    const three = await Transaction.begin(client, at);
    await three.write(["committed 3"]);
    await three.end("commit");
    const seen = ["plain", "committed 1", "committed 2", "committed 3"];
    expect(await values(at.topic)).toEqual(seen);
    const sizes = { maxPartitionBytes: 1, maxBytes: 1 };
    expect(await values(at.topic, sizes)).toEqual(seen);
    const all = await values(at.topic, { isolation: "read_uncommitted" });
    expect(all).toHaveLength(seen.length + 3);
  });

  it("waits for open transactions, and for what comes behind them", async () => {
    const client = await clientOf(kafka().bootstrap);
    const at = { topic: await admin().createTopic(), partition: 0 };
    const job = await SourceJob.start(sourceOf({ topics: at.topic, deserializer: text }));
    await write(client, at, ["before"]);
    const open = await Transaction.begin(client, at);
    await open.write(["in it"]);
    await write(client, at, ["behind"]);
    await job.reach(1);
    await job.handle.checkpoint();
    expect(job.records).toEqual(["before"]);
    await open.end("commit");
    await job.reach(3);
    expect(job.records).toEqual(["before", "in it", "behind"]);
  });

  it("reads what Java's transactional producer writes", async () => {
    const topic = await admin().createTopic({ partitions: 2 });
    await kafka().runTool("org.apache.kafka.tools.ProducerPerformance", [
      ...["--topic", topic, "--num-records", "1000", "--payload-monotonic"],
      ...["--throughput", "-1", "--bootstrap-server", kafka().bootstrap],
      ...["--transactional-id", uniqueName("java"), "--transaction-duration-ms", "20"],
    ]);
    const read = (await values(topic)).map(Number).sort((a, b) => a - b);
    expect(read).toEqual(numbers(0, 1000).map(Number));
  });
});

describe("a compacted topic", () => {
  it("is read to its end, over gaps and batches that are empty now", async () => {
    const client = await clientOf(kafka().bootstrap);
    const config = {
      "cleanup.policy": "compact",
      "segment.ms": 100,
      "min.cleanable.dirty.ratio": 0.001,
      "delete.retention.ms": 1,
    };
    const topic = await admin().createTopic({ config });
    const at = { topic, partition: 0 };
    // The newest batch of an idempotent producer stays, also when none of its records does.
    const { producerId, producerEpoch } = await client.initProducerId(undefined, 60_000);
    const T0 = Date.now() - 100_000;
    let time = T0;
    const of = (keys: readonly string[], round: string): NewRecord[] =>
      keys.map((key) => ({ key, value: `${key} ${round}`, timestamp: time }));
    const keys = numbers(0, 40);
    for (const round of ["1", "2", "3"]) {
      time += 1000;
      await write(client, at, of(keys, round));
    }
    time += 1000;
    await write(client, at, of(["a", "b", "c"], "idempotent"), {
      producerId,
      producerEpoch,
      sequence: 0,
    });
    time += 1000;
    await write(client, at, of(["a", "b", "c", "0"], "last"));
    time += 1000;
    // Of another segment, so that those before can be cleaned.
    await write(client, at, of(["active"], "1"));
    const read = () => readAll(sourceOf({ topics: topic, stopAt: "latest", deserializer: keyed }));
    const expected = [
      ...keys.slice(1).map((key) => `${key} 3`),
      ..."abc0".split("").map((key) => `${key} last`),
      "active 1",
    ];
    await until(async () => (await read()).length === expected.length, "the cleaner");
    const records = await read();
    expect(records.map(({ value }) => value)).toEqual(expected);
    expect(await batchSizes(client, at)).toContain(0);
    expect(records[0]?.offset).toBe(81);
    expect(records.at(-1)?.offset).toBe(127);
    // One batch an answer, also one without records; and ends that lie in gaps.
    const small = { maxPartitionBytes: 1, maxBytes: 1 };
    expect(await values(topic, small)).toEqual(expected);
    for (const [offset, count] of [
      [40, 0],
      [81, 0],
      [82, 1],
      [121, 39],
      [123, 39],
      [124, 40],
    ] as const) {
      const stopAt = { offsets: [{ topic, partition: 0, offset }] };
      expect(await values(topic, { stopAt, ...small }), `stop ${offset}`).toHaveLength(count);
      const startFrom = { offsets: [{ topic, partition: 0, offset }] };
      expect(await values(topic, { startFrom }), `start ${offset}`).toHaveLength(
        expected.length - count,
      );
    }
  });

  it("is at its end when nothing is left of the last batches", async () => {
    const client = await clientOf(kafka().bootstrap);
    const config = {
      "cleanup.policy": "compact",
      "segment.ms": 100,
      "min.cleanable.dirty.ratio": 0.001,
      "delete.retention.ms": 1,
    };
    const topic = await admin().createTopic({ config });
    const at = { topic, partition: 0 };
    const time = Date.now() - 100_000;
    await write(client, at, [{ key: "kept", value: "kept", timestamp: time }]);
    await write(client, at, [{ key: "k", value: "old", timestamp: time + 1000 }]);
    await write(client, at, [{ key: "k", value: null, timestamp: time + 2000 }]);
    await write(client, at, [{ key: "l", value: "last", timestamp: time + 3000 }]);
    await until(async () => (await values(topic)).length === 2, "the cleaner");
    const stopAt = { offsets: [{ topic, partition: 0, offset: 3 }] };
    expect(await values(topic, { stopAt })).toEqual(["kept"]);
  });
});

describe("batches", () => {
  it("of 200,000 records are read, compressed or not", async () => {
    const client = await clientOf(kafka().bootstrap);
    const config = { "max.message.bytes": 20_000_000 };
    const at = { topic: await admin().createTopic({ config }), partition: 0 };
    const all = numbers(0, 200_000);
    await write(client, at, all);
    await write(client, at, all, { compression: "zstd" });
    await write(client, at, ["end"]);
    const read = await values(at.topic);
    expect(read).toHaveLength(400_001);
    expect(read.slice(0, 200_000)).toEqual(all);
    expect(read.slice(200_000, 400_000)).toEqual(all);
    const stopAt = { offsets: [{ ...at, offset: 199_999 }] };
    expect(await values(at.topic, { stopAt })).toHaveLength(199_999);
  });

  it("larger than maxPartitionBytes are read all the same", async () => {
    const client = await clientOf(kafka().bootstrap);
    const at = { topic: await admin().createTopic(), partition: 0 };
    const long = "x".repeat(900_000);
    for (const n of numbers(0, 3)) await write(client, at, [n + long]);
    const read = await values(at.topic, { maxPartitionBytes: 1000 });
    expect(read.map((value) => value.slice(0, 2))).toEqual(["0x", "1x", "2x"]);
  });
});

describe("records", () => {
  it("keep null keys and values apart from empty ones, and their bytes", async () => {
    const client = await clientOf(kafka().bootstrap);
    const at = { topic: await admin().createTopic(), partition: 0 };
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await write(client, at, [
      { key: null, value: null },
      { key: "", value: "" },
      { key: bytes, value: bytes, headers: [{ key: "", value: null }] },
    ]);
    const deserializer = kafkaKeyed({ key: kafkaBytes(), value: kafkaBytes() });
    const records = await readAll(sourceOf({ topics: at.topic, stopAt: "latest", deserializer }));
    expect(records.map(({ key, value }) => [key, value])).toEqual([
      [null, null],
      [Buffer.alloc(0), Buffer.alloc(0)],
      [bytes, bytes],
    ]);
    expect(records[2]?.headers).toEqual([{ key: "", value: null }]);
    // A plain deserializer leaves out what has no value.
    expect(await values(at.topic, { deserializer: kafkaBytes() })).toEqual([
      Buffer.alloc(0),
      bytes,
    ]);
  });

  it("have the time of the log where the topic says so, and the last of a batch of any order", async () => {
    const client = await clientOf(kafka().bootstrap);
    const config = { "message.timestamp.type": "LogAppendTime" };
    const [appended, created] = [
      { topic: await admin().createTopic({ config }), partition: 0 },
      { topic: await admin().createTopic(), partition: 0 },
    ];
    const written: NewRecord[] = [3000, 1000, 2000].map((timestamp) => ({ value: "v", timestamp }));
    const before = Date.now();
    const timesOf = async (topic: string) =>
      (await readAll(sourceOf({ topics: topic, stopAt: "latest", deserializer: keyed }))).map(
        ({ timestamp }) => timestamp,
      );
    await write(client, appended, written);
    await write(client, created, written);
    for (const time of await timesOf(appended.topic)) expect(time).toBeGreaterThanOrEqual(before);
    expect(await timesOf(created.topic)).toEqual([3000, 1000, 2000]);
  });
});
