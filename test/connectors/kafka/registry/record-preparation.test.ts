import { describe, expect, it } from "vitest";
import {
  fieldDeserializer,
  kafkaKeyed,
} from "../../../../src/connectors/kafka/source/deserialization.js";
import { EARLIEST_OFFSET } from "../../../../src/connectors/kafka/source/kafka-split.js";
import type { FieldPreparation } from "../../../../src/connectors/kafka/source/record-preparation.js";
import { HeadwaterError } from "../../../../src/errors/index.js";
import { KafkaReading } from "../source/reader/kafka-reading.js";

/** Fields whose first byte names what has to be loaded; a load ends when the test says so. */
class Loading implements FieldPreparation {
  readonly loaded = new Set<number>();
  readonly asked: number[][] = [];
  #waiting: { readonly ids: ReadonlySet<number>; end(error?: Error): void }[] = [];

  missing(bytes: Buffer, start: number): number | undefined {
    const id = bytes[start] as number;
    return this.loaded.has(id) ? undefined : id;
  }

  load(ids: ReadonlySet<number>): Promise<void> {
    this.asked.push([...ids]);
    return new Promise((resolve, reject) => {
      const end = (error?: Error) => (error === undefined ? resolve() : reject(error));
      this.#waiting.push({ ids, end });
    });
  }

  get isAsked(): boolean {
    return this.#waiting.length > 0;
  }

  finish(error?: Error): void {
    for (const { ids, end } of this.#waiting.splice(0)) {
      if (error === undefined) for (const id of ids) this.loaded.add(id);
      end(error);
    }
  }

  readonly decode = (bytes: Buffer, start: number, end: number): string => {
    if (!this.loaded.has(bytes[start] as number)) throw new Error("not loaded");
    return bytes.toString("latin1", start, end);
  };
}

const down = (retry: "backoff" | "never") =>
  new HeadwaterError("CONNECTION_FAILED", "the schema registry at http://r does not answer", {
    domain: "external",
    retry,
    scope: "reader",
  });

function reading() {
  const loading = new Loading();
  const deserializer = fieldDeserializer(loading.decode, loading);
  const one = new KafkaReading<string>({ deserializer });
  one.kafka.createTopic("t", 2);
  return { loading, one };
}

describe("what records need before they are decoded", () => {
  it("is loaded before they are handed over, once for each id", async () => {
    const { loading, one } = reading();
    one.kafka.append("t", 0, ["a1", "b1", "a2", { value: null }]);
    one.kafka.append("t", 0, ["b2", "c1"]);
    one.add("t", 0, EARLIEST_OFFSET, 6);
    one.reader.notifyNoMoreSplits();
    await one.run(() => loading.isAsked);
    expect(one.output.count).toBe(0);
    expect(loading.asked).toEqual([[97, 98]]);
    loading.finish();
    await one.run(() => loading.isAsked);
    expect(loading.asked).toEqual([[97, 98], [99]]);
    loading.finish();
    expect(await one.run()).toBe("END_OF_INPUT");
    expect(one.output.of("t-0")).toEqual(["a1", "b1", "a2", "b2", "c1"]);
    expect(one.harness.badRecords).toEqual([]);
  });

  it("does not keep the reader from taking splits and giving them up", async () => {
    const { loading, one } = reading();
    one.kafka.append("t", 0, ["a1"]);
    one.kafka.append("t", 1, ["b1"]);
    one.add("t", 0, EARLIEST_OFFSET, 1);
    await one.run(() => loading.isAsked);
    one.add("t", 1, EARLIEST_OFFSET, 1);
    await one.run(undefined, 2000);
    expect(loading.asked).toEqual([[97]]);
    loading.finish();
    await one.run(() => loading.isAsked);
    loading.finish();
    one.reader.notifyNoMoreSplits();
    expect(await one.run()).toBe("END_OF_INPUT");
    expect(one.output.of("t-0")).toEqual(["a1"]);
    expect(one.output.of("t-1")).toEqual(["b1"]);
  });

  it("is tried again with growing pauses, counted, and no record is lost or read twice", async () => {
    const { loading, one } = reading();
    one.kafka.append("t", 0, ["a1", "a2"]);
    one.add("t", 0, EARLIEST_OFFSET, 2);
    one.reader.notifyNoMoreSplits();
    const times: number[] = [];
    for (let tries = 0; tries < 5; tries++) {
      await one.run(() => loading.isAsked);
      times.push(one.harness.clock.now());
      loading.finish(down("backoff"));
      await one.step();
    }
    expect(times.map((time, i) => time - (times[i - 1] ?? time))).toEqual([0, 50, 100, 200, 400]);
    await one.run(() => loading.isAsked);
    loading.finish();
    expect(await one.run()).toBe("END_OF_INPUT");
    expect(one.output.of("t-0")).toEqual(["a1", "a2"]);
    expect(one.metric("KafkaSourceReader.fetchesFailed") ?? one.metric("fetchesFailed")).toBe(5);
    expect(one.kafka.count("fetch")).toBe(1);
  });

  it.each([
    ["backoff", 10],
    ["never", 1],
  ] as const)("fails the reader with its own error after %s: %i tries", async (retry, tries) => {
    const { loading, one } = reading();
    one.kafka.append("t", 0, ["a1"]);
    one.add("t", 0, EARLIEST_OFFSET, 1);
    const failing = async () => {
      for (;;) {
        await one.run(() => loading.isAsked);
        loading.finish(down(retry));
        await one.step();
      }
    };
    await expect(failing()).rejects.toMatchObject({
      cause: { cause: { code: "CONNECTION_FAILED", message: /http:\/\/r/ } },
    });
    expect(loading.asked).toHaveLength(tries);
  });

  it("does not hold up the end of a reader, neither while it loads nor in a pause", async () => {
    for (const pauses of [false, true]) {
      const { loading, one } = reading();
      one.kafka.append("t", 0, ["a1"]);
      one.add("t", 0, EARLIEST_OFFSET);
      await one.run(() => loading.isAsked);
      if (pauses) loading.finish(down("backoff"));
      expect(await one.close()).toBe("closed");
      expect(one.output.count).toBe(0);
    }
  });

  it("is loaded for keys and values of kafkaKeyed", async () => {
    const [keys, values] = [new Loading(), new Loading()];
    const deserializer = kafkaKeyed({
      key: fieldDeserializer(keys.decode, keys),
      value: fieldDeserializer(values.decode, values),
    });
    const one = new KafkaReading({ deserializer });
    one.kafka.createTopic("t").append("t", 0, [
      { key: "k1", value: "v1" },
      { key: null, value: "w1" },
      { key: "l1", value: null },
    ] as never);
    one.add("t", 0, EARLIEST_OFFSET, 3);
    one.reader.notifyNoMoreSplits();
    await one.run(() => keys.isAsked && values.isAsked);
    expect([keys.asked, values.asked]).toEqual([[[107, 108]], [[118, 119]]]);
    keys.finish();
    values.finish();
    expect(await one.run()).toBe("END_OF_INPUT");
    expect(one.output.of("t-0")).toMatchObject([
      { key: "k1", value: "v1" },
      { key: null, value: "w1" },
      { key: "l1", value: null },
    ]);
  });
});
