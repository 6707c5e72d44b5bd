import { describe, expect, it } from "vitest";
import type { FetchRequest } from "../../../../../src/connectors/kafka/client/kafka-client.js";
import type { PartitionRecords } from "../../../../../src/connectors/kafka/source/assigned-partition.js";
import {
  EARLIEST_OFFSET,
  kafkaPartitionSplit,
  LATEST_OFFSET,
} from "../../../../../src/connectors/kafka/source/kafka-split.js";
import {
  PartitionConsumer,
  type PartitionConsumerOptions,
} from "../../../../../src/connectors/kafka/source/partition-consumer.js";
import { VirtualClock } from "../../../../../src/mailbox/clock.js";
import { ManualScheduler } from "../../../../../src/mailbox/scheduler.js";
import { codecs } from "../../../../support/kafka/simulated-batches.js";
import { SimulatedKafka } from "../../../../support/kafka/simulated-kafka.js";
import { ReaderHarness } from "../../../../support/reader-harness.js";
import { KafkaReading, texts, values } from "./kafka-reading.js";

function fetches(reading: KafkaReading): FetchRequest[] {
  const sent = reading.kafka.requests.filter(({ type }) => type === "fetch");
  return sent.map(({ args }) => args[0] as FetchRequest);
}

describe("the partition consumer", () => {
  it("asks idle partitions of a broker together, twice a second", async () => {
    const reading = new KafkaReading({}, { brokers: 1 });
    reading.kafka.createTopic("t", 20);
    for (let p = 0; p < 20; p++) reading.add("t", p, LATEST_OFFSET);
    await reading.run(undefined, 2000);
    const before = fetches(reading).length;
    await reading.run(undefined, 10_000);
    const sent = fetches(reading).slice(before);
    expect(sent.length).toBeGreaterThan(15);
    expect(sent.length).toBeLessThan(25);
    expect(sent.every(({ positions }) => positions.length === 20)).toBe(true);
  });

  it("reads a partition that is added during a long poll without waiting for it", async () => {
    const reading = new KafkaReading({}, { brokers: 1 });
    reading.kafka.createTopic("t", 2);
    reading.kafka.append("t", 1, values(5));
    reading.add("t", 0, LATEST_OFFSET);
    await reading.run(undefined, 20);
    const start = reading.harness.clock.now();
    reading.add("t", 1, EARLIEST_OFFSET);
    await reading.run(() => reading.output.count === 5, 400);
    expect(reading.output.of("t-1")).toEqual(texts(0, 5));
    expect(reading.harness.clock.now() - start).toBeLessThan(50);
  });

  it("fetches the next records while nobody has taken the last ones, and not without end", async () => {
    const reading = new KafkaReading({ maxPartitionBytes: 2000 });
    reading.kafka.createTopic("t");
    for (let i = 0; i < 200; i++) reading.kafka.append("t", 0, values(50, 50 * i));
    reading.add("t", 0, EARLIEST_OFFSET);
    for (let i = 0; i < 100; i++) {
      await reading.harness.settle();
      reading.harness.clock.advance(10);
    }
    // The queue has two, the fetcher one, and two have arrived.
    const ahead = fetches(reading).length;
    expect(ahead).toBeGreaterThan(2);
    expect(ahead).toBeLessThan(8);
    await reading.run(() => reading.output.count === 10_000);
    expect(reading.output.of("t-0")).toEqual(texts(0, 10_000));
  });

  it("waits longer and longer for a leader, and asks for metadata before it tries again", async () => {
    const reading = new KafkaReading();
    reading.kafka.createTopic("t").append("t", 0, values(1));
    reading.add("t", 0, EARLIEST_OFFSET);
    await reading.run(() => reading.output.count === 1);
    reading.kafka.moveLeader("t", 0, undefined);
    const before = reading.kafka.requests.length;
    await reading.run(undefined, 20_000);
    const sent = reading.kafka.requests.slice(before);
    expect(sent.length).toBeLessThan(90);
    expect(sent.filter(({ type }) => type === "refreshMetadata").length).toBeGreaterThan(15);
    reading.kafka.append("t", 0, values(1, 1));
    reading.kafka.moveLeader("t", 0, 3);
    await reading.run(() => reading.output.count === 2, 1200);
    expect(reading.output.count).toBe(2);
    expect(reading.metric("KafkaSourceReader.fetchesFailed")).toBeGreaterThan(0);
  });

  it("does not ask at once again where a broker answers with nothing and does not wait", async () => {
    const reading = new KafkaReading({}, { latency: 0 });
    reading.kafka.createTopic("t");
    const { create } = reading.kafka;
    reading.kafka.create = async (name) => {
      const client = await create.call(reading.kafka, name);
      const { fetch } = client;
      client.fetch = (broker, request) => fetch.call(client, broker, { ...request, minBytes: 0 });
      return client;
    };
    reading.add("t", 0, LATEST_OFFSET);
    await reading.run(undefined, 5000);
    expect(fetches(reading).length).toBeLessThan(14);
  });

  it("fails of an error that no waiting helps against, after what came before it", async () => {
    const reading = new KafkaReading({ maxPartitionBytes: 100 });
    reading.kafka.createTopic("t");
    reading.kafka.append("t", 0, values(3));
    reading.kafka.append("t", 0, values(3, 3));
    let sent = 0;
    reading.kafka.fault = ({ type }) =>
      type === "fetch" && ++sent === 2 ? { error: "TOPIC_AUTHORIZATION_FAILED" } : undefined;
    reading.add("t", 0, EARLIEST_OFFSET);
    await expect(reading.run()).rejects.toMatchObject({
      cause: {
        cause: {
          code: "KAFKA_REQUEST_FAILED",
          message: "partition t-0: fetching failed with TOPIC_AUTHORIZATION_FAILED",
        },
      },
    });
    expect(reading.output.of("t-0")).toEqual(texts(0, 3));
  });

  /** A reader that has read ten records, of which the new leader has four, and then other ones. */
  async function cutLog(outOfRange: "fail" | "earliest" | "latest") {
    const reading = new KafkaReading({ outOfRange });
    reading.kafka.createTopic("t").append("t", 0, values(4));
    reading.kafka.append("t", 0, values(6, 4));
    reading.add("t", 0, EARLIEST_OFFSET);
    await reading.run(() => reading.output.count === 10);
    reading.kafka.partition("t", 0).truncateTo(4);
    reading.kafka.moveLeader("t", 0, 2);
    reading.kafka.append("t", 0, values(20, 100));
    return reading;
  }

  it("fails when a new leader has other records at the offsets that were read", async () => {
    const reading = await cutLog("fail");
    await expect(reading.run(undefined, 5000)).rejects.toMatchObject({
      cause: {
        cause: {
          code: "KAFKA_OFFSET_OUT_OF_RANGE",
          message:
            "partition t-0: the log was cut before offset 10: what was read from 4 up to it is not in the log any more",
        },
      },
    });
    expect(reading.output.of("t-0")).toEqual(texts(0, 10));
  });

  it("goes on at the first record that is another one, when it may", async () => {
    for (const outOfRange of ["earliest", "latest"] as const) {
      const reading = await cutLog(outOfRange);
      await reading.run(() => reading.output.count === 30);
      expect(reading.output.of("t-0")).toEqual([...texts(0, 10), ...texts(100, 120)]);
      expect(reading.metric("KafkaSourceReader.offsetResets")).toBe(1);
      // The next leader has all of it.
      reading.kafka.moveLeader("t", 0, 3);
      reading.kafka.append("t", 0, values(1, 200));
      await reading.run(() => reading.output.count === 31);
      expect(reading.metric("KafkaSourceReader.offsetResets")).toBe(1);
    }
  });

  it("has the first offset that has changed in its state before a record comes there", async () => {
    const reading = new KafkaReading({ outOfRange: "latest" });
    reading.kafka.createTopic("t").append("t", 0, values(4));
    reading.kafka.append("t", 0, values(6, 4));
    reading.add("t", 0, EARLIEST_OFFSET);
    await reading.run(() => reading.output.count === 10);
    reading.kafka.partition("t", 0).truncateTo(4);
    reading.kafka.moveLeader("t", 0, 2);
    await reading.run(undefined, 5000);
    expect(reading.metric("KafkaSourceReader.offsetResets")).toBe(1);
    expect(reading.reader.snapshotState(1)).toMatchObject([{ startingOffset: 4 }]);
  });

  it("reads on where the servers cannot say where an epoch ends", async () => {
    const reading = new KafkaReading();
    reading.kafka.createTopic("t").append("t", 0, values(4));
    reading.kafka.fault = ({ type }) =>
      type === "epochEnds" ? { error: "UNSUPPORTED_VERSION" } : undefined;
    reading.add("t", 0, EARLIEST_OFFSET);
    await reading.run(() => reading.output.count === 4);
    reading.kafka.moveLeader("t", 0, 2);
    reading.kafka.append("t", 0, values(4, 4));
    await reading.run(() => reading.output.count === 8);
    expect(reading.output.of("t-0")).toEqual(texts(0, 8));
    expect(reading.kafka.count("epochEnds")).toBe(1);
  });

  it("asks a new leader once, and reads on when nothing is lost", async () => {
    const reading = new KafkaReading();
    reading.kafka.createTopic("t").append("t", 0, values(4));
    reading.add("t", 0, EARLIEST_OFFSET);
    await reading.run(() => reading.output.count === 4);
    reading.kafka.moveLeader("t", 0, 2);
    reading.kafka.append("t", 0, values(4, 4));
    await reading.run(() => reading.output.count === 8);
    expect(reading.output.of("t-0")).toEqual(texts(0, 8));
    expect(reading.kafka.count("epochEnds")).toBe(1);
    expect(fetches(reading).at(-1)?.positions[0]?.leaderEpoch).toBe(1);
  });

  it("reads others while paused partitions hold what they have, which comes once they go on", async () => {
    const reading = new KafkaReading({ maxPartitionBytes: 2000 }, { brokers: 1 }, undefined, 2000);
    reading.kafka.createTopic("t", 3);
    for (let p = 0; p < 2; p++) {
      for (let i = 0; i < 2; i++) reading.kafka.append("t", p, values(400, 400 * i));
    }
    reading.kafka.append("t", 2, values(1));
    reading.kafka.fault = ({ type }) => (type === "fetch" ? { after: 100 } : undefined);
    reading.add("t", 0, EARLIEST_OFFSET);
    reading.add("t", 1, EARLIEST_OFFSET);
    await reading.run(undefined, 20);
    reading.reader.pauseOrResumeSplits(["t-0", "t-1"], []);
    await reading.run(undefined, 300);
    expect(reading.output.count).toBe(0);
    reading.add("t", 2, EARLIEST_OFFSET);
    await reading.run(() => reading.output.count === 1, 3000);
    expect(reading.output.of("t-2")).toEqual(["v0"]);
    reading.reader.pauseOrResumeSplits([], ["t-0", "t-1"]);
    await reading.run(() => reading.output.count === 1601, 9000);
    expect(reading.output.of("t-0")).toEqual(texts(0, 800));
    expect(reading.output.of("t-1")).toEqual(texts(0, 800));
  });

  it("drops an answer to what it has asked before it forgot what had arrived", async () => {
    const clock = new VirtualClock();
    const kafka = new SimulatedKafka({ clock, latency: 2, brokers: 2 }).createTopic("t", 2);
    for (let i = 0; i < 4; i++) kafka.append("t", 0, values(50, 50 * i));
    kafka.append("t", 1, values(1));
    kafka.fault = ({ type, broker }) =>
      type === "fetch" && broker === 1 ? { after: 100 } : undefined;
    const { consumer, pass, poll } = consumerOf(kafka, clock, {
      maxBytes: 100_000,
      maxPartitionBytes: 100,
      maxBufferedBytes: 800,
    });
    consumer.assign([kafkaPartitionSplit({ topic: "t", partition: 0 }, 0)]);
    await pass(150);
    expect(kafka.count("fetch")).toBe(2);
    consumer.setPaused(["t-0"], true);
    consumer.assign([kafkaPartitionSplit({ topic: "t", partition: 1 }, 0)]);
    await pass(20);
    consumer.setPaused(["t-0"], false);
    const bases: bigint[] = [];
    for (let i = 0; i < 20; i++) {
      await pass(120);
      for (const { partition, fetched } of await poll()) {
        const base = fetched?.records?.readBigInt64BE(0);
        if (partition === 0 && base !== undefined) bases.push(base);
      }
    }
    expect(bases).toEqual([0n, 50n, 100n, 150n]);
    consumer.close();
  });

  it("asks for partitions that are far behind apart, and together again once they are read", async () => {
    const clock = new VirtualClock();
    const kafka = new SimulatedKafka({ clock, latency: 2, brokers: 1 }).createTopic("t", 4);
    const append = (partition: number, value: string): void => {
      kafka.append("t", partition, [{ value, timestamp: 0 }]);
    };
    for (let p = 0; p < 4; p++) for (let i = 0; i < 8; i++) append(p, `${i}`.padEnd(300_000, "."));
    const { consumer, pass, poll } = consumerOf(kafka, clock, {
      maxBytes: 10_000_000,
      maxPartitionBytes: 400_000,
      maxBufferedBytes: 100_000_000,
    });
    const asked = (): number[][] =>
      kafka.requests
        .filter(({ type }) => type === "fetch")
        .map(({ args }) => (args[0] as FetchRequest).positions.map(({ partition }) => partition));
    const splits = [0, 1, 2, 3].map((partition) =>
      kafkaPartitionSplit({ topic: "t", partition }, 0),
    );
    consumer.assign(splits);
    await pass(10);
    // Nothing is known of them before the first answer.
    expect(asked().slice(0, 3)).toEqual([
      [0, 1, 2, 3],
      [0, 1],
      [2, 3],
    ]);
    const bases = new Map<number, bigint[]>();
    for (let i = 0; i < 20; i++) {
      await pass(10);
      for (const { partition, fetched } of await poll()) {
        const base = fetched?.records?.readBigInt64BE(0);
        if (base !== undefined) bases.set(partition, [...(bases.get(partition) ?? []), base]);
      }
    }
    const all = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n];
    for (let p = 0; p < 4; p++) expect(bases.get(p)).toEqual(all);
    await pass(1000);
    expect(asked().at(-1)).toHaveLength(4);
    // None waits for a long poll of others.
    append(3, "late");
    await pass(5);
    expect(await poll()).toHaveLength(1);
    consumer.close();
  });
});

/** A consumer of its own, driven by hand: `pass` lets so many milliseconds go by. */
function consumerOf(
  kafka: SimulatedKafka,
  clock: VirtualClock,
  sizes: Pick<PartitionConsumerOptions, "maxBytes" | "maxPartitionBytes" | "maxBufferedBytes">,
) {
  const scheduler = new ManualScheduler();
  const client = kafka.create("c");
  const consumer = new PartitionConsumer(
    {
      isolation: "read_committed",
      groupId: undefined,
      committedReset: "fail",
      outOfRange: "fail",
      maxWait: 500,
      ...sizes,
    },
    {
      client: () => client,
      codecs: async () => codecs,
      timers: new ReaderHarness({ clock }).context.processingTime,
      counts: { fetched() {}, fetchFailed() {}, offsetReset() {} },
    },
  );
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i++) {
      await scheduler.settle(40);
      clock.advance(1);
    }
  };
  const poll = async (): Promise<readonly PartitionRecords[]> => {
    consumer.wakeUp();
    const { records } = await consumer.poll();
    for (const part of records) consumer.release(part);
    return records;
  };
  return { consumer, pass, poll };
}
