import { describe, expect, it } from "vitest";
import type { KafkaReaderOptions } from "../../../../../src/connectors/kafka/source/kafka-source-options.js";
import {
  COMMITTED_OFFSET,
  EARLIEST_OFFSET,
  LATEST_OFFSET,
} from "../../../../../src/connectors/kafka/source/kafka-split.js";
import { KafkaReading, texts, values } from "./kafka-reading.js";

/** A topic "t" of so many partitions with ten records each. */
function tenEach(partitions: number, options: Partial<KafkaReaderOptions<string>> = {}) {
  const reading = new KafkaReading(options);
  reading.kafka.createTopic("t", partitions);
  for (let p = 0; p < partitions; p++) reading.kafka.append("t", p, values(10));
  return reading;
}

describe("the Kafka source reader", () => {
  it("reads each partition from its start to its stopping offset, with timestamps [KP-01]", async () => {
    const reading = tenEach(2);
    reading.add("t", 0, EARLIEST_OFFSET, 10);
    reading.add("t", 1, 3, 8);
    reading.reader.notifyNoMoreSplits();
    expect(await reading.run()).toBe("END_OF_INPUT");
    expect(reading.output.of("t-0")).toEqual(texts(0, 10));
    expect(reading.output.of("t-1")).toEqual(texts(3, 8));
    expect(reading.output.bySplit.get("t-1")?.timestamps).toEqual([3000, 4000, 5000, 6000, 7000]);
    expect(reading.output.released.sort()).toEqual(["t-0", "t-1"]);
    expect(await reading.close()).toBe("closed");
    expect(reading.kafka.clients.every(({ closed }) => closed)).toBe(true);
  });

  it("waits for a partition that does not exist yet, and is woken up meanwhile [KP-02] [KP-03]", async () => {
    const reading = tenEach(1);
    reading.add("later", 0, EARLIEST_OFFSET);
    await reading.run(undefined, 3000);
    reading.add("t", 0, EARLIEST_OFFSET);
    await reading.run(() => reading.output.count === 10, 3000);
    expect(reading.output.of("t-0")).toEqual(texts(0, 10));
    reading.kafka.createTopic("later").append("later", 0, ["a"]);
    await reading.run(() => reading.output.count === 11, 3000);
    expect(reading.output.of("later-0")).toEqual(["a"]);
  });

  it("finishes splits in which there is nothing to read without a fetch [KP-06] [KR-07] [KR-08]", async () => {
    const reading = tenEach(2);
    reading.add("t", 0, 10, 10);
    reading.add("t", 1, 0, 0);
    reading.reader.notifyNoMoreSplits();
    expect(await reading.run()).toBe("END_OF_INPUT");
    expect(reading.kafka.count("fetch")).toBe(0);
    expect(reading.metric("numFetchers")).toBe(0);
    expect(reading.output.count).toBe(0);
  });

  it("fails for a group without offsets and without a reset [KP-07]", async () => {
    const reading = tenEach(1, { groupId: "g" });
    reading.add("t", 0, COMMITTED_OFFSET);
    await expect(reading.run()).rejects.toMatchObject({
      cause: {
        cause: { code: "KAFKA_OFFSET_OUT_OF_RANGE", message: expect.stringContaining("t-0") },
      },
    });
  });

  it.each([
    ["earliest", 0],
    ["latest", 10],
  ] as const)(
    "begins where the reset %s says when a group has no offsets [KP-08]",
    async (reset, at) => {
      const reading = tenEach(2, { groupId: "g", committedReset: reset });
      reading.kafka.groups.set("g", new Map([["t-1", 4]]));
      reading.add("t", 0, COMMITTED_OFFSET);
      reading.add("t", 1, COMMITTED_OFFSET, LATEST_OFFSET);
      await reading.run(undefined, 1500);
      expect(reading.output.of("t-0")).toEqual(texts(at, 10));
      expect(reading.output.of("t-1")).toEqual(texts(4, 10));
      expect(reading.output.released).toEqual(["t-1"]);
    },
  );

  it("says how much is left, and where it is [KP-04] [KP-05] [KR-06]", async () => {
    const reading = tenEach(1, { groupId: "g" });
    reading.budget = 1;
    expect(reading.metric("pendingRecords")).toBeUndefined();
    reading.add("t", 0, EARLIEST_OFFSET);
    const place = "KafkaSourceReader.topic.t.partition.0";
    expect(reading.metric(`${place}.committedOffset`)).toBe(-1);
    await reading.run(() => reading.output.count === 4);
    expect(reading.metric("pendingRecords")).toBe(6);
    expect(reading.metric(`${place}.recordsLag`)).toBe(6);
    expect(reading.metric(`${place}.currentOffset`)).toBe(3);
    await reading.run(() => reading.output.count === 10);
    reading.reader.snapshotState(1);
    reading.reader.notifyCheckpointComplete(1);
    await reading.run(undefined, 100);
    expect(reading.metric("pendingRecords")).toBe(0);
    expect(reading.metric(`${place}.currentOffset`)).toBe(9);
    expect(reading.metric(`${place}.committedOffset`)).toBe(10);
    expect(reading.metric("KafkaSourceReader.commitsSucceeded")).toBe(1);
    expect(reading.metric("KafkaSourceReader.bytesConsumedTotal")).toBeGreaterThan(100);
    expect(reading.metric("numRecordsIn")).toBe(10);
  });

  it("stands behind the last record emitted after each poll, also within a batch", async () => {
    const reading = tenEach(1);
    reading.budget = 3;
    reading.add("t", 0, EARLIEST_OFFSET);
    const seen: number[][] = [];
    await reading.run(() => {
      const offset = reading.offsets()["t-0"] as number;
      if (offset > 0 && offset !== seen.at(-1)?.[1]) seen.push([reading.output.count, offset]);
      return offset === 10;
    });
    expect(seen).toEqual([3, 6, 9, 10].map((n) => [n, n]));
  });

  it("remembers where a partition begins once it is known, also when it is at its end", async () => {
    const reading = tenEach(1);
    reading.add("t", 0, LATEST_OFFSET);
    expect(reading.offsets()).toEqual({ "t-0": LATEST_OFFSET });
    await reading.run(undefined, 100);
    expect(reading.offsets()).toEqual({ "t-0": 10 });
  });

  it("pauses one split while another goes on [KR-09]", async () => {
    const reading = tenEach(2);
    reading.add("t", 0, EARLIEST_OFFSET, 10);
    reading.add("t", 1, EARLIEST_OFFSET, 10);
    reading.reader.pauseOrResumeSplits(["t-0"], []);
    reading.reader.notifyNoMoreSplits();
    await reading.run(undefined, 3000);
    expect(reading.output.released).toEqual(["t-1"]);
    expect(reading.output.of("t-0")).toEqual([]);
    reading.reader.pauseOrResumeSplits([], ["t-0"]);
    expect(await reading.run()).toBe("END_OF_INPUT");
    expect(reading.output.count).toBe(20);
  });

  it("ends a partition at the record that says so", async () => {
    const reading = tenEach(2, { evaluator: (value) => value === "v4" });
    reading.add("t", 0, EARLIEST_OFFSET);
    reading.add("t", 1, 5, 10);
    reading.reader.notifyNoMoreSplits();
    expect(await reading.run()).toBe("END_OF_INPUT");
    expect(reading.output.of("t-0")).toEqual(texts(0, 4));
    expect(reading.output.of("t-1")).toEqual(texts(5, 10));
  });

  it("names partition, offset and log when the offset is gone, and goes on where it may", async () => {
    for (const outOfRange of ["fail", "earliest", "latest"] as const) {
      const reading = tenEach(1, { outOfRange });
      reading.kafka.append("t", 0, values(10, 10));
      reading.kafka.partition("t", 0).deleteRecordsBefore(10);
      reading.add("t", 0, 5);
      const run = reading.run(undefined, 2000);
      if (outOfRange === "fail") {
        await expect(run).rejects.toMatchObject({
          cause: {
            cause: {
              code: "KAFKA_OFFSET_OUT_OF_RANGE",
              message: "partition t-0: offset 5 is out of range; the log reaches from 10 to 20",
            },
          },
        });
      } else {
        await run;
        expect(reading.output.of("t-0")).toEqual(outOfRange === "earliest" ? texts(10, 20) : []);
        expect(reading.offsets()).toEqual({ "t-0": 20 });
        expect(reading.metric("KafkaSourceReader.offsetResets")).toBe(1);
      }
    }
  });

  it("moves past batches that have nothing for it, so that they are not read again", async () => {
    const reading = tenEach(1);
    const producer = { producerId: 7, producerEpoch: 0 };
    reading.kafka.appendTransactional("t", 0, producer, ["lost"]);
    reading.kafka.endTransaction("t", 0, producer, false);
    reading.add("t", 0, 0);
    await reading.run(undefined, 100);
    expect(reading.output.of("t-0")).toEqual(texts(0, 10));
    expect(reading.offsets()).toEqual({ "t-0": 12 });
  });
});
