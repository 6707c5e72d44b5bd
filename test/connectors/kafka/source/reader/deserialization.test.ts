import { describe, expect, it } from "vitest";
import {
  type KafkaDeserializer,
  kafkaBytes,
  kafkaJson,
  kafkaKeyed,
  kafkaString,
} from "../../../../../src/connectors/kafka/source/deserialization.js";
import { EARLIEST_OFFSET } from "../../../../../src/connectors/kafka/source/kafka-split.js";
import type { SimulatedRecord } from "../../../../support/kafka/simulated-batches.js";
import { KafkaReading } from "./kafka-reading.js";

async function read<T>(
  deserializer: KafkaDeserializer<T>,
  records: readonly (SimulatedRecord | string)[],
  oneByOne = false,
) {
  const reading = new KafkaReading<T>({
    deserializer,
    ...(oneByOne ? { evaluator: () => false } : {}),
  });
  reading.kafka.createTopic("t").append("t", 0, records);
  reading.add("t", 0, EARLIEST_OFFSET, records.length);
  reading.reader.notifyNoMoreSplits();
  expect(await reading.run()).toBe("END_OF_INPUT");
  const { records: values = [], timestamps = [] } = reading.output.bySplit.get("t-0") ?? {};
  const bad = reading.harness.badRecords.map(({ splitId, position, raw, rawLength, error }) => ({
    splitId,
    position,
    raw: Buffer.from(raw).toString("latin1"),
    rawLength,
    error: (error as Error).message,
  }));
  return { values, timestamps, bad };
}

const INVALID = Buffer.from([0x61, 0xff, 0x62]);

describe.each([
  ["in runs", false],
  ["one by one", true],
] as const)("deserializers of Kafka records, %s", (_how, oneByOne) => {
  it("reads text, leaves out records without a value, and reports bytes that are no UTF-8", async () => {
    const records = ["a", { value: null }, "ä€", { value: INVALID }, "\ufffd", "", { value: null }];
    const { values, bad } = await read(kafkaString(), records, oneByOne);
    expect(values).toEqual(["a", "ä€", "\ufffd", ""]);
    expect(bad).toEqual([
      {
        splitId: "t-0",
        position: 3,
        raw: "a\xffb",
        rawLength: 3,
        error: "partition t-0, offset 3: the bytes are no valid UTF-8",
      },
    ]);
  });

  it("reads JSON, checks it, and keeps the value out of the error", async () => {
    const positive = (value: unknown): number => {
      if (typeof value !== "number" || value < 0) throw new Error("not positive");
      return value;
    };
    const { values, bad } = await read(kafkaJson(positive), ["1", "secret!", "-2", "3"], oneByOne);
    expect(values).toEqual([1, 3]);
    expect(bad.map(({ position }) => position)).toEqual([1, 2]);
    expect(bad[0]?.error).toMatch(/^partition t-0, offset 1: no JSON: /);
    expect(bad[0]?.error).not.toContain("secret!");
    expect(bad[1]?.error).toBe(
      "partition t-0, offset 2: refused by the schema of kafkaJson: not positive",
    );
  });

  it("takes a standard schema", async () => {
    const schema = {
      "~standard": {
        validate: (value: unknown) =>
          typeof value === "string"
            ? { value: value.length }
            : { issues: [{ message: "no text" }] },
        types: undefined as { readonly output: number } | undefined,
      },
    };
    const { values, bad } = await read(kafkaJson(schema), ['"abc"', "7"], oneByOne);
    expect(values).toEqual([3]);
    expect(bad[0]?.error).toContain("no text");
  });

  it("gives bytes that are the record's own", async () => {
    const large = Buffer.alloc(100_000, 7);
    const { values } = await read(kafkaBytes(), [{ value: INVALID }, { value: large }], oneByOne);
    expect(values.map((value) => value.toString("latin1"))).toEqual([
      INVALID.toString("latin1"),
      large.toString("latin1"),
    ]);
    // A view would hold on to the whole fetch; a copy may lie in Node's pool.
    expect(values[0]?.buffer.byteLength).toBeLessThan(large.length);
  });

  it("gives a record with key, place, time and headers, also without a value", async () => {
    const records = [
      {
        key: "k",
        value: "1",
        timestamp: 77,
        headers: [
          { key: "h", value: "x" },
          { key: "n", value: null },
        ],
      },
      { key: null, value: null, timestamp: -1 },
    ];
    const { values, timestamps } = await read(
      kafkaKeyed({ value: kafkaJson() }),
      records,
      oneByOne,
    );
    const place = { topic: "t", partition: 0 };
    expect(values).toEqual([
      {
        ...place,
        key: "k",
        value: 1,
        offset: 0,
        timestamp: 77,
        headers: [
          { key: "h", value: Buffer.from("x") },
          { key: "n", value: null },
        ],
      },
      { ...place, key: null, value: null, offset: 1, timestamp: -1, headers: [] },
    ]);
    expect(timestamps).toEqual([77, Number.NEGATIVE_INFINITY]);
  });

  it("lets one of the user give any number of records, and none of one that fails", async () => {
    const words: KafkaDeserializer<string> = {
      deserialize({ value, offset }, collect) {
        for (const word of String(value).split(" ")) if (word !== "") collect(word);
        if (offset === 2) throw new Error("not this one");
      },
    };
    const { values, bad } = await read(words, ["a b c", " ", "x y", "d"], oneByOne);
    expect(values).toEqual(["a", "b", "c", "d"]);
    expect(bad).toMatchObject([
      { position: 2, error: "partition t-0, offset 2: the deserializer failed: not this one" },
    ]);
  });
});
