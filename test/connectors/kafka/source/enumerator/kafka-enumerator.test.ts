import { describe, expect, it } from "vitest";
import { kafkaPartitionSplit } from "../../../../../src/connectors/kafka/source/kafka-split.js";
import {
  committedOffsets,
  latest,
  offsets,
} from "../../../../../src/connectors/kafka/source/offsets-initializer.js";
import {
  topicListSubscriber,
  topicPatternSubscriber,
} from "../../../../../src/connectors/kafka/source/subscriber.js";
import { clusterOf, EnumeratorBench } from "./enumerator-bench.js";

// Of three readers, 1 has topic-0 and topic-3, 2 has topic-1, 0 has topic-2.

describe("a discovery", () => {
  it("runs once without an interval, and then no split is to come [KE-01]", async () => {
    const bench = new EnumeratorBench(clusterOf(2), {
      discoveryInterval: 0,
      boundedness: "BOUNDED",
      stoppingOffsets: latest(),
    });
    bench.enumerator.start();
    bench.register(1);
    expect([bench.oneTime.length, bench.periodic.length]).toEqual([1, 0]);
    expect([...bench.noMoreSplits]).toEqual([]);
    await bench.discover();
    expect([...bench.noMoreSplits]).toEqual([1]);
    expect(bench.given).toEqual(["topic-0@-2..10"]);
    bench.register(2);
    expect([...bench.noMoreSplits]).toEqual([1, 2]);
  });

  it("runs again and again with an interval, and more may always come [KE-02]", async () => {
    const bench = new EnumeratorBench(clusterOf(1), { boundedness: "BOUNDED" });
    bench.enumerator.start();
    bench.register(1);
    expect([bench.oneTime.length, bench.periodic.length]).toEqual([0, 1]);
    await bench.discover();
    expect([...bench.noMoreSplits]).toEqual([]);
  });

  it("gives registered readers their partitions in one assignment [KE-03]", async () => {
    const bench = new EnumeratorBench(clusterOf(4));
    bench.enumerator.start();
    bench.register(0);
    bench.register(1);
    expect(bench.assignments).toEqual([]);
    await bench.discover();
    expect(bench.assignments).toEqual([{ 0: ["topic-2@-2"], 1: ["topic-0@-2", "topic-3@-2"] }]);
  });

  it("keeps partitions for readers that register later [KE-04]", async () => {
    const bench = new EnumeratorBench(clusterOf(4));
    bench.enumerator.start();
    await bench.discover();
    expect(bench.assignments).toEqual([]);
    bench.register(0);
    bench.register(1);
    expect(bench.assignments).toEqual([{ 0: ["topic-2@-2"] }, { 1: ["topic-0@-2", "topic-3@-2"] }]);
  });

  it("starts later partitions at their beginning, whatever the first ones do [KE-05]", async () => {
    const bench = new EnumeratorBench(clusterOf(1), { startingOffsets: latest() });
    bench.enumerator.start();
    bench.register(1);
    bench.register(2);
    await bench.discover();
    await bench.discover();
    expect(bench.assignments).toEqual([{ 1: ["topic-0@10"] }]);
    bench.kafka.createPartitions("topic", 2);
    await bench.discover();
    expect(bench.assignments).toEqual([{ 1: ["topic-0@10"] }, { 2: ["topic-1@-2"] }]);
  });

  it("is in the state from when its offsets are known [KE-09]", async () => {
    const bench = new EnumeratorBench(clusterOf(3));
    const nothing = { assigned: [], unassigned: [], initialDiscoveryFinished: false };
    bench.enumerator.start();
    bench.register(0);
    bench.register(1);
    expect(bench.state).toEqual(nothing);
    await bench.periodic[0]?.();
    expect(bench.state).toEqual(nothing);
    await bench.runOneTime();
    expect(bench.state).toEqual({
      assigned: ["topic-0@-2", "topic-2@-2"],
      unassigned: ["topic-1@-2"],
      initialDiscoveryFinished: true,
    });
    bench.register(2);
    expect(bench.state.unassigned).toEqual([]);
  });

  it("that finds nothing leaves the first partitions their starting offsets [KE-12]", async () => {
    const bench = new EnumeratorBench(clusterOf(0), {
      subscriber: topicPatternSubscriber(/^late/),
      startingOffsets: latest(),
    });
    bench.enumerator.start();
    bench.register(0);
    await bench.discover();
    expect(bench.state.initialDiscoveryFinished).toBe(false);
    bench.kafka.createTopic("late", 3);
    for (let partition = 0; partition < 3; partition++)
      bench.kafka.append("late", partition, ["a"]);
    await bench.discover();
    expect(bench.state).toMatchObject({ initialDiscoveryFinished: true });
    expect([bench.state.assigned, bench.state.unassigned].flat().sort()).toEqual([
      "late-0@1",
      "late-1@1",
      "late-2@1",
    ]);
  });

  it("keeps the splits of partitions that have gone, and counts them [KE-10, KE-13]", async () => {
    const kafka = clusterOf(2).createTopic("other", 1);
    const bench = new EnumeratorBench(kafka, {
      subscriber: topicListSubscriber(["topic", "other"]),
    });
    bench.enumerator.start();
    await bench.discover();
    const before = bench.state;
    kafka.deleteTopic("topic");
    await bench.discover();
    expect(bench.state).toEqual(before);
    expect(bench.metric("removedPartitions")).toBe(2);
  });

  it("under way when the next one comes assigns nothing twice", async () => {
    const bench = new EnumeratorBench(clusterOf(1));
    bench.enumerator.start();
    bench.register(1);
    await bench.periodic[0]?.();
    await bench.periodic[0]?.();
    expect(bench.oneTime).toHaveLength(1);
    await bench.runOneTime();
    await bench.discover();
    expect(bench.given).toEqual(["topic-0@-2"]);
  });

  it("uses a client that says who it is, and closes it [KE-11]", async () => {
    const bench = new EnumeratorBench(clusterOf(1));
    bench.enumerator.start();
    await bench.discover();
    expect(bench.kafka.clients.map(({ name }) => name)).toEqual(["enumerator-admin-client"]);
    await bench.enumerator.close();
    expect(bench.kafka.clients.map(({ closed }) => closed)).toEqual([true]);
  });

  it("that ends after the enumerator has closed changes nothing and opens nothing", async () => {
    const bench = new EnumeratorBench(clusterOf(1));
    bench.enumerator.start();
    await bench.enumerator.close();
    await bench.discover();
    expect(bench.state.unassigned).toEqual([]);
    expect(bench.kafka.clients).toEqual([]);
  });
});

describe("splits that come back", () => {
  it.each([
    ["earliest", -2],
    ["latest", 11],
    ["specific", 6],
  ])("keep the offset that was reached: %s [KE-07]", async (kind, reached) => {
    const startingOffsets =
      kind === "latest"
        ? latest()
        : offsets([{ topic: "topic", partition: 2, offset: 5 }], "earliest");
    const bench = new EnumeratorBench(clusterOf(3), { startingOffsets });
    bench.enumerator.start();
    bench.register(0);
    await bench.discover();
    bench.unregister(0);
    const split = kafkaPartitionSplit({ topic: "topic", partition: 2 }, reached, 100);
    bench.enumerator.addSplitsBack([split], 0);
    expect(bench.assignments).toHaveLength(1);
    expect(bench.state.assigned).toEqual([]);
    expect(bench.state.unassigned).toContain(`topic-2@${reached}..100`);
    await bench.discover();
    bench.register(0);
    expect(bench.assignments.at(-1)).toEqual({ 0: [`topic-2@${reached}..100`] });
  });

  it("go at once to a reader that is there again", async () => {
    const bench = new EnumeratorBench(clusterOf(3));
    bench.enumerator.start();
    bench.register(0);
    await bench.discover();
    bench.enumerator.addSplitsBack([kafkaPartitionSplit({ topic: "topic", partition: 2 }, 4)], 0);
    expect(bench.assignments.at(-1)).toEqual({ 0: ["topic-2@4"] });
  });
});

describe("a restored enumerator", () => {
  async function checkpointed(options = {}): Promise<EnumeratorBench> {
    const bench = new EnumeratorBench(clusterOf(3), options);
    bench.enumerator.start();
    bench.register(0);
    await bench.discover();
    return bench;
  }

  it("assigns only what had not been assigned [KE-08]", async () => {
    const first = await checkpointed();
    const bench = new EnumeratorBench(first.kafka, { restore: first.checkpoint() });
    bench.enumerator.start();
    await bench.discover();
    bench.register(0);
    expect(bench.assignments).toEqual([]);
    bench.register(1);
    expect(bench.assignments).toEqual([{ 1: ["topic-0@-2"] }]);
  });

  it("takes no notice of new starting offsets", async () => {
    const first = await checkpointed({ startingOffsets: latest() });
    const bench = new EnumeratorBench(first.kafka, {
      restore: first.checkpoint(),
      startingOffsets: offsets([{ topic: "topic", partition: 0, offset: 3 }], "earliest"),
    });
    bench.enumerator.start();
    await bench.discover();
    for (const subtask of [0, 1, 2]) bench.register(subtask);
    expect(bench.given).toEqual(["topic-0@10", "topic-1@10"]);
  });

  it("says that no split is to come also when it finds nothing new", async () => {
    const options = { discoveryInterval: 0, boundedness: "BOUNDED" as const };
    const first = await checkpointed(options);
    const bench = new EnumeratorBench(first.kafka, { ...options, restore: first.checkpoint() });
    bench.enumerator.start();
    bench.register(0);
    await bench.discover();
    expect([...bench.noMoreSplits]).toEqual([0]);
  });
});

describe("what goes wrong", () => {
  const unreachable = (bench: EnumeratorBench, type: string): void => {
    bench.kafka.fault = (request) => (request.type === type ? { breaks: "before" } : undefined);
  };

  it("at the first look fails the job", async () => {
    const bench = new EnumeratorBench(clusterOf(1));
    unreachable(bench, "partitionCounts");
    bench.enumerator.start();
    await expect(bench.discover()).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  });

  it("at a later look is counted, and it looks again", async () => {
    const bench = new EnumeratorBench(clusterOf(1));
    bench.enumerator.start();
    bench.register(1);
    await bench.discover();
    unreachable(bench, "partitionCounts");
    bench.kafka.createPartitions("topic", 4);
    await bench.discover();
    expect(bench.metric("discoveryFailures")).toBe(1);
    unreachable(bench, "nothing");
    await bench.discover();
    expect(bench.given).toEqual(["topic-0@-2", "topic-3@-2"]);
  });

  it("with offsets of the first partitions fails the job, also after an empty look", async () => {
    const bench = new EnumeratorBench(clusterOf(0), {
      subscriber: topicPatternSubscriber(/^late/),
      startingOffsets: committedOffsets("none"),
    });
    bench.enumerator.start();
    await bench.discover();
    bench.kafka.createTopic("late", 1);
    await expect(bench.discover()).rejects.toThrow(/partition late-0: no offset/);
  });

  it("with offsets of later partitions is tried again when it can heal", async () => {
    const bench = new EnumeratorBench(clusterOf(1), { stoppingOffsets: latest() });
    bench.enumerator.start();
    bench.register(2);
    await bench.discover();
    bench.kafka.createPartitions("topic", 2).moveLeader("topic", 1, undefined);
    await bench.discover();
    expect(bench.metric("discoveryFailures")).toBe(1);
    bench.kafka.moveLeader("topic", 1, 1);
    await bench.discover();
    expect(bench.given).toEqual(["topic-1@-2..0"]);
  });

  it("with offsets of later partitions fails the job when it cannot heal", async () => {
    const bench = new EnumeratorBench(clusterOf(1), {
      stoppingOffsets: offsets([{ topic: "topic", partition: 0, offset: 10 }], "none"),
    });
    bench.enumerator.start();
    await bench.discover();
    bench.kafka.createPartitions("topic", 2);
    await expect(bench.discover()).rejects.toMatchObject({ retry: "never", domain: "user" });
  });

  it("is said clearly: a topic that does not exist", async () => {
    const bench = new EnumeratorBench(clusterOf(1), {
      subscriber: topicListSubscriber(["topic", "nowhere"]),
    });
    bench.enumerator.start();
    await expect(bench.discover()).rejects.toThrow(
      "topic nowhere does not exist on these brokers, or this user may not see it",
    );
  });

  it("is said clearly: a pattern that finds nothing, when it looks once", async () => {
    const bench = new EnumeratorBench(clusterOf(1), {
      subscriber: topicPatternSubscriber(/^nowhere/),
      discoveryInterval: 0,
    });
    bench.enumerator.start();
    await expect(bench.discover()).rejects.toThrow("/^nowhere/ gives no partition to read");
  });
});
