import { describe, expect, it } from "vitest";
import { COMPRESSION_TYPES, kafkaSource } from "../../../../src/connectors/kafka/index.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { keyed, readAll } from "./source-jobs.js";
import { Admin, clientOf, consoleProduce, firstBytes, numbers, write } from "./source-topics.js";

const kafka = useSharedKafka();
const admin = (): Admin => new Admin(kafka().bootstrap);

describe("with Java on the other side", () => {
  const HEADERS = ["one:1", "two:\u00fc", "one:2"];
  const lines = numbers(0, 500).map(
    (n) => `${HEADERS.join(",")}\tkey-${n}\tvalue-${n}-${"z".repeat(50)}`,
  );

  it.each(COMPRESSION_TYPES)("reads what it has compressed: %s", async (codec) => {
    const topic = await admin().createTopic();
    const before = Date.now();
    await consoleProduce(
      kafka().bootstrap,
      topic,
      [...lines, "NULL\tNULL\tNULL"],
      [
        ...["--compression-codec", codec, "--command-property", "linger.ms=200"],
        ...["--reader-property", "parse.key=true", "--reader-property", "parse.headers=true"],
        ...["--reader-property", "null.marker=NULL"],
      ],
    );
    const client = await clientOf(kafka().bootstrap);
    const records = await readAll(
      kafkaSource({
        brokers: kafka().bootstrap,
        topics: topic,
        stopAt: "latest",
        deserializer: keyed,
      }),
    );
    expect(records.map(({ key, value, offset }) => [offset, key, value])).toEqual([
      ...numbers(0, 500).map((n) => [Number(n), `key-${n}`, `value-${n}-${"z".repeat(50)}`]),
      [500, null, null],
    ]);
    const headers = records[0]?.headers.map(({ key, value }) => `${key}:${value?.toString()}`);
    expect(headers).toEqual(HEADERS);
    expect(records.at(-1)?.headers).toEqual([]);
    for (const { timestamp } of records) {
      expect(timestamp).toBeGreaterThanOrEqual(before);
      expect(timestamp).toBeLessThanOrEqual(Date.now());
    }
    // What lies in the log is compressed as it was meant to be.
    const bytes = await firstBytes(client, { topic, partition: 0 });
    expect(bytes.readInt16BE(21) & 7).toBe(COMPRESSION_TYPES.indexOf(codec));
  });

  it("writes what it understands, with every codec", async () => {
    const client = await clientOf(kafka().bootstrap);
    const topic = await admin().createTopic();
    for (const compression of COMPRESSION_TYPES) {
      const records = numbers(0, 100).map((n) => ({
        key: `${compression}-${n}`,
        value: n === "7" ? null : "v".repeat(100),
        headers: [{ key: "h", value: n }],
        timestamp: 1_700_000_000_000 + Number(n),
      }));
      await write(client, { topic, partition: 0 }, records, { compression });
    }
    const shown = await kafka().runTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...["--bootstrap-server", kafka().bootstrap, "--topic", topic, "--from-beginning"],
      ...["--max-messages", "500", "--timeout-ms", "120000"],
      ...["--formatter-property", "print.key=true"],
      ...["--formatter-property", "print.headers=true"],
      ...["--formatter-property", "print.timestamp=true"],
    ]);
    const expected = COMPRESSION_TYPES.flatMap((compression) =>
      numbers(0, 100).map(
        (n) =>
          `CreateTime:${1_700_000_000_000 + Number(n)}\th:${n}\t${compression}-${n}\t${n === "7" ? "null" : "v".repeat(100)}`,
      ),
    );
    expect(shown.trim().split("\n")).toEqual(expected);
  });
});
