import { describe, expect, it } from "vitest";
import type { KafkaReaderOptions } from "../../../../../src/connectors/kafka/source/kafka-source-options.js";
import { EARLIEST_OFFSET } from "../../../../../src/connectors/kafka/source/kafka-split.js";
import { KafkaReading, values } from "./kafka-reading.js";

function reading(options: Partial<KafkaReaderOptions<string>> = {}, partitions = 10) {
  const one = new KafkaReading({ groupId: "g", ...options });
  one.kafka.createTopic("t", partitions);
  for (let p = 0; p < partitions; p++) one.kafka.append("t", p, values(10));
  return one;
}

describe("committing offsets", () => {
  it("commits what a finished split has reached, after its fetcher has gone [KR-01]", async () => {
    const one = reading({}, 1);
    one.add("t", 0, EARLIEST_OFFSET, 10);
    await one.run(() => one.output.released.length === 1);
    await one.run(() => one.metric("numFetchers") === 0, 1000);
    one.reader.snapshotState(100);
    one.reader.notifyCheckpointComplete(100);
    await one.run(undefined, 100);
    expect(one.kafka.groups.get("g")).toEqual(new Map([["t-0", 10]]));
    one.reader.snapshotState(101);
    expect(one.reader.offsetsToCommit.get(101)).toEqual(new Map());
    expect(await one.close()).toBe("closed");
  });

  it("commits nothing without splits, and forgets what is complete [KR-02]", async () => {
    const one = reading();
    for (const id of [100, 101, 102]) one.reader.snapshotState(id);
    expect([...one.reader.offsetsToCommit]).toEqual([
      [100, new Map()],
      [101, new Map()],
      [102, new Map()],
    ]);
    one.reader.notifyCheckpointComplete(101);
    await one.run(undefined, 100);
    expect([...one.reader.offsetsToCommit.keys()]).toEqual([102]);
    one.reader.notifyCheckpointAborted(102);
    expect(one.reader.offsetsToCommit.size).toBe(0);
    expect(one.kafka.count("commitOffsets")).toBe(0);
  });

  it("commits all partitions with the last of many checkpoints [KR-03]", async () => {
    const one = reading();
    one.budget = 1;
    for (let p = 0; p < 10; p++) one.add("t", p, EARLIEST_OFFSET);
    let id = 0;
    await one.run(() => {
      one.reader.snapshotState(++id);
      return one.output.count === 100;
    });
    expect(one.reader.offsetsToCommit.size).toBe(id);
    one.reader.notifyCheckpointComplete(id);
    await one.run(undefined, 100);
    expect(one.reader.offsetsToCommit.size).toBe(0);
    expect(one.kafka.count("commitOffsets")).toBe(1);
    expect([...(one.kafka.groups.get("g")?.values() ?? [])]).toEqual(Array(10).fill(10));
  });

  it("never commits a marker [KR-04]", () => {
    const one = reading();
    one.add("t", 0, EARLIEST_OFFSET);
    one.reader.snapshotState(7);
    expect(one.reader.offsetsToCommit.get(7)).toEqual(new Map());
  });

  it("keeps nothing when it is not to commit [KR-05]", async () => {
    const one = reading({ commitOffsetsOnCheckpoint: false });
    one.add("t", 0, EARLIEST_OFFSET);
    await one.run(() => one.output.count === 10);
    one.reader.snapshotState(7);
    expect(one.reader.offsetsToCommit.size).toBe(0);
    one.reader.notifyCheckpointComplete(7);
    await one.run(undefined, 100);
    expect(one.kafka.count("commitOffsets")).toBe(0);
  });

  it("counts a commit that fails, goes on, and says all of it at the next checkpoint", async () => {
    const one = reading({}, 2);
    one.add("t", 0, EARLIEST_OFFSET, 10);
    one.add("t", 1, EARLIEST_OFFSET);
    await one.run(() => one.output.count === 20);
    await one.run(undefined, 100);
    one.kafka.groupsWithMembers.add("g");
    one.reader.snapshotState(1);
    one.reader.notifyCheckpointComplete(1);
    await one.run(undefined, 100);
    expect(one.metric("KafkaSourceReader.commitsFailed")).toBe(1);
    one.kafka.groupsWithMembers.clear();
    one.reader.snapshotState(2);
    one.reader.notifyCheckpointComplete(2);
    await one.run(undefined, 100);
    expect(one.kafka.groups.get("g")).toEqual(
      new Map([
        ["t-0", 10],
        ["t-1", 10],
      ]),
    );
  });

  it("never goes back when a commit is slow: the last one that waits wins", async () => {
    const one = reading({}, 1);
    one.budget = 1;
    one.kafka.fault = ({ type }) => (type === "commitOffsets" ? { before: 300 } : undefined);
    one.add("t", 0, EARLIEST_OFFSET);
    for (const count of [2, 5, 9]) {
      await one.run(() => one.output.count === count, 50);
      one.reader.snapshotState(count);
      one.reader.notifyCheckpointComplete(count);
    }
    await one.run(undefined, 250);
    expect(await one.close()).toBe("closed");
    const sent = one.kafka.requests.filter(({ type }) => type === "commitOffsets");
    expect(sent.map(({ args }) => (args[1] as { offset: number }[])[0]?.offset)).toEqual([2, 9]);
    expect(one.kafka.groups.get("g")?.get("t-0")).toBe(9);
  });

  it("commits by itself at an interval when it is told to", async () => {
    const one = reading({ commitOffsetsOnCheckpoint: false, autoCommitInterval: 1000 }, 1);
    one.add("t", 0, EARLIEST_OFFSET);
    await one.run(undefined, 900);
    expect(one.kafka.groups.size).toBe(0);
    await one.run(undefined, 300);
    expect(one.kafka.groups.get("g")?.get("t-0")).toBe(10);
    expect(await one.close()).toBe("closed");
    const { length } = one.kafka.requests;
    one.harness.clock.advance(5000);
    expect(one.kafka.requests.length).toBe(length);
  });
});
