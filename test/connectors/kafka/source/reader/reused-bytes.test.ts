import { describe, expect, it } from "vitest";
import {
  type KafkaDeserializer,
  kafkaBytes,
  kafkaJson,
  kafkaKeyed,
  kafkaString,
} from "../../../../../src/connectors/kafka/source/deserialization.js";
import { EARLIEST_OFFSET } from "../../../../../src/connectors/kafka/source/kafka-split.js";
import { KafkaReading } from "./kafka-reading.js";

const COUNT = 300;
const TEXTS = Array.from({ length: COUNT }, (_, i) => `"${"x".repeat(i % 90)}${i}"`);

/** Reads in small fetches from brokers that fill what was given back with nonsense; all is looked at in the end. */
async function read<T>(deserializer: KafkaDeserializer<T>): Promise<readonly T[]> {
  const reading = new KafkaReading<T>({ deserializer, maxPartitionBytes: 500 });
  reading.kafka.createTopic("t");
  for (let at = 0; at < COUNT; at += 10) {
    reading.kafka.append(
      "t",
      0,
      TEXTS.slice(at, at + 10).map((value, i) => ({
        key: `k${at + i}`,
        value,
        headers: [{ key: "h", value: `v${at + i}` }],
      })),
    );
  }
  reading.add("t", 0, EARLIEST_OFFSET, COUNT);
  reading.reader.notifyNoMoreSplits();
  expect(await reading.run()).toBe("END_OF_INPUT");
  expect(reading.kafka.count("fetch")).toBeGreaterThan(10);
  return reading.output.of("t-0");
}

/** A deserializer of the user's own that keeps what it is shown. */
const own: KafkaDeserializer<Buffer> = {
  deserialize: ({ value }, collect) => collect(value as Buffer),
};

describe("records that are kept when their fetch's bytes are used again", () => {
  it("stay what they are as text", async () => {
    expect(await read(kafkaString())).toEqual(TEXTS);
  });

  it("stay what they are as JSON", async () => {
    expect(await read(kafkaJson<string>())).toEqual(TEXTS.map((text) => JSON.parse(text)));
  });

  it("stay what they are as bytes", async () => {
    expect((await read(kafkaBytes())).map(String)).toEqual(TEXTS);
  });

  it("stay what they are with keys and headers", async () => {
    const records = await read(kafkaKeyed({ key: kafkaBytes(), value: kafkaBytes() }));
    expect(records.map(({ value }) => String(value))).toEqual(TEXTS);
    expect(records.map(({ key }) => String(key))).toEqual(TEXTS.map((_, i) => `k${i}`));
    expect(records.map(({ headers }) => String(headers[0]?.value))).toEqual(
      TEXTS.map((_, i) => `v${i}`),
    );
  });

  it("stay what they are to a deserializer that keeps views", async () => {
    expect((await read(own)).map(String)).toEqual(TEXTS);
  });
});
