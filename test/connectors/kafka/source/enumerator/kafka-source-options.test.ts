import { describe, expect, it } from "vitest";
import type { KafkaConnectionOptions } from "../../../../../src/connectors/kafka/client/connection-options.js";
import type { KafkaClientFactory } from "../../../../../src/connectors/kafka/client/kafka-client.js";
import type { KafkaSourceOptions } from "../../../../../src/connectors/kafka/source/kafka-source-options.js";
import { parseKafkaSource } from "../../../../../src/connectors/kafka/source/parse-kafka-source.js";

const clients: KafkaClientFactory = {
  create: () => Promise.reject(new Error("nobody connects here")),
};
const deserializer = { deserialize() {} };
const connected: KafkaConnectionOptions[] = [];

function parse(options: object) {
  return parseKafkaSource(options as KafkaSourceOptions<unknown>, (connection) => {
    connected.push(connection);
    return clients;
  });
}

const valid = { clients, topics: "orders", deserializer };
const place = (offset: number, partition = 0) => ({ topic: "orders", partition, offset });

describe("what is left out", () => {
  it("has Flink's defaults: earliest, unbounded, discovery each five minutes", () => {
    const { reader, enumerator } = parse(valid);
    expect(reader).toEqual({
      clients,
      deserializer,
      isolation: "read_committed",
      outOfRange: "fail",
      committedReset: "none",
      groupId: undefined,
      commitOffsetsOnCheckpoint: false,
      autoCommitInterval: undefined,
      maxWait: 500,
      maxBytes: 52_428_800,
      maxPartitionBytes: 1_048_576,
      checkCrcs: true,
      evaluator: undefined,
    });
    expect(enumerator).toMatchObject({
      discoveryInterval: 300_000,
      boundedness: "CONTINUOUS_UNBOUNDED",
      subscriber: { description: "orders" },
    });
  });

  it("follows from the rest", () => {
    const { enumerator } = parse({ ...valid, stopAt: "latest" });
    expect(enumerator).toMatchObject({ boundedness: "BOUNDED", discoveryInterval: 0 });
    const group = { ...valid, groupId: "g" };
    expect(parse(group).reader.commitOffsetsOnCheckpoint).toBe(true);
    const automatic = parse({ ...group, autoCommitInterval: "5s" }).reader;
    expect(automatic).toMatchObject({ commitOffsetsOnCheckpoint: false, autoCommitInterval: 5000 });
    const start = { committed: true, reset: "latest" };
    expect(parse({ ...group, startFrom: start }).reader.committedReset).toBe("latest");
    const until = parse({ ...valid, unboundedUntil: { timestamp: new Date(5) } }).enumerator;
    expect(until.boundedness).toBe("CONTINUOUS_UNBOUNDED");
    expect(parse({ ...valid, discoveryInterval: -1 }).enumerator.discoveryInterval).toBe(0);
    expect(parse({ ...valid, discoveryInterval: "10s" }).enumerator.discoveryInterval).toBe(10_000);
  });

  it("is a cluster, then clients are given", () => {
    connected.length = 0;
    const sasl = { mechanism: "plain", username: "u", password: "p" };
    parse({ brokers: "a:1,b:2", clientId: "x", sasl, topics: ["orders"], deserializer });
    expect(connected).toEqual([
      expect.objectContaining({ brokers: ["a:1", "b:2"], clientId: "x", sasl }),
    ]);
  });
});

describe("refused with the option's name", () => {
  const { topics: _, ...nothing } = valid;
  it.each<[object, string]>([
    [{ ...valid, topicz: 1 }, "kafkaSource.topicz: there is no such option"],
    [{ topics: "orders", deserializer }, "kafkaSource.brokers"],
    [{ ...valid, brokers: "a:1" }, "kafkaSource.brokers: clients already say"],
    [nothing, "kafkaSource.topics: it is required, or pattern, partitions or subscriber"],
    [{ ...valid, pattern: /a/ }, "kafkaSource.pattern: topics already says what to read"],
    [{ ...valid, topics: [] }, "kafkaSource.topics: expected the name of a topic, or several"],
    [{ ...nothing, pattern: "a" }, 'kafkaSource.pattern: expected a RegExp, got "a"'],
    [{ ...nothing, partitions: [{ topic: "a", partition: -1 }] }, "kafkaSource.partitions"],
    [
      { ...nothing, partitions: [place(0), place(0)].map(({ offset: _o, ...p }) => p) },
      'kafkaSource.partitions: expected each partition once, got "orders-0"',
    ],
    [{ ...nothing, subscriber: {} }, "kafkaSource.subscriber"],
    [{ ...valid, deserializer: "json" }, "kafkaSource.deserializer: expected a deserializer"],
    [{ ...valid, startFrom: "newest" }, 'kafkaSource.startFrom: expected "earliest", "latest"'],
    [{ ...valid, startFrom: { timestamp: "1970" } }, "kafkaSource.startFrom"],
    [{ ...valid, startFrom: { offsets: [] } }, "kafkaSource.startFrom"],
    [{ ...valid, startFrom: { offsets: [place(-1)] } }, "kafkaSource.startFrom"],
    [{ ...valid, startFrom: { committed: true, reset: "first" } }, "kafkaSource.startFrom"],
    [{ ...valid, startFrom: { timestamp: 1, offsets: [place(1)] } }, "kafkaSource.startFrom"],
    [{ ...valid, stopAt: "earliest" }, 'kafkaSource.stopAt: expected "latest", "committed"'],
    [
      { ...valid, startFrom: "committed" },
      "kafkaSource.groupId: it is required, because startFrom",
    ],
    [
      { ...valid, stopAt: { committed: true } },
      "kafkaSource.groupId: it is required, because stopAt",
    ],
    [
      { ...valid, startFrom: { timestamp: 9 }, stopAt: { timestamp: 8 } },
      "kafkaSource.stopAt.timestamp: expected a timestamp that is not before startFrom's 9, got 8",
    ],
    [
      { ...valid, startFrom: { offsets: [place(5)] }, unboundedUntil: { offsets: [place(4)] } },
      "kafkaSource.unboundedUntil.offsets: expected for partition orders-0 an offset that is not before startFrom's 5, got 4",
    ],
    [
      { ...valid, startFrom: { offsets: [place(1), place(2)] } },
      'kafkaSource.startFrom.offsets: expected each partition once, got "orders-0"',
    ],
    [
      { ...valid, stopAt: "latest", unboundedUntil: "latest" },
      "kafkaSource.unboundedUntil: stopAt",
    ],
    [{ ...valid, stopAt: "latest", discoveryInterval: "1s" }, "kafkaSource.discoveryInterval"],
    [
      { ...valid, discoveryInterval: "often" },
      "kafkaSource.discoveryInterval: expected a duration",
    ],
    [
      { ...valid, commitOffsetsOnCheckpoint: true },
      "kafkaSource.groupId: it is required to commit",
    ],
    [{ ...valid, autoCommitInterval: 1000 }, "kafkaSource.groupId: it is required to commit"],
    [
      { ...valid, groupId: "g", autoCommitInterval: 9, commitOffsetsOnCheckpoint: true },
      "kafkaSource.autoCommitInterval: commitOffsetsOnCheckpoint already commits",
    ],
    [{ ...valid, groupId: "g", autoCommitInterval: 0 }, "kafkaSource.autoCommitInterval"],
    [{ ...valid, isolation: "all" }, "kafkaSource.isolation"],
    [{ ...valid, outOfRange: "none" }, "kafkaSource.outOfRange"],
    [{ ...valid, maxBytes: 0 }, "kafkaSource.maxBytes"],
    [{ ...valid, maxPartitionBytes: 2 ** 31 }, "kafkaSource.maxPartitionBytes"],
    [{ ...valid, checkCrcs: "yes" }, "kafkaSource.checkCrcs"],
  ])("%o", (options, message) => {
    expect(() => parse(options)).toThrow(message);
    try {
      parse(options);
    } catch (error) {
      expect(error).toMatchObject({ code: "OPTION_INVALID" });
    }
  });

  it("without a secret in the message", () => {
    const sasl = { mechanism: "plain", username: "u", password: 12345678 };
    expect(() => parse({ brokers: "a:1", sasl, topics: "orders", deserializer })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("12345678") }),
    );
  });
});
