import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type KafkaSourceSettings,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { fixedDelayRestart, map } from "../../../../src/index.js";
import { SeededRandom } from "../../../../src/mailbox/index.js";
import { Ledger } from "../../../files/ledger.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { failureOf, SourceJob } from "./source-jobs.js";
import { Admin, clientOf, numbers, uniqueName, until, write } from "./source-topics.js";

const kafka = useSharedKafka();
const admin = (): Admin => new Admin(kafka().bootstrap);

const sourceOf = (settings: Omit<KafkaSourceSettings<string>, "deserializer">) =>
  kafkaSource<string>({
    brokers: kafka().bootstrap,
    deserializer: kafkaString(),
    maxWait: 100,
    discoveryInterval: 300,
    ...settings,
  } as never);

const sorted = (records: readonly string[]): number[] => records.map(Number).sort((a, b) => a - b);
const range = (from: number, to: number): number[] => numbers(from, to).map(Number);

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-kafka-source-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("while it runs", () => {
  it("finds new partitions, and reads them from their beginning whatever startFrom says", async () => {
    const client = await clientOf(kafka().bootstrap);
    const topic = await admin().createTopic();
    await write(client, { topic, partition: 0 }, ["7"]);
    const job = await SourceJob.start(sourceOf({ topics: topic, startFrom: "latest" }), {
      parallelism: 2,
    });
    await job.until(() => job.gauge(".enumerator.assignedSplits") === 1, "the first split");
    await admin().addPartitions(topic, 3);
    await write(client, { topic, partition: 2 }, numbers(20, 25));
    await write(client, { topic, partition: 1 }, numbers(10, 15));
    await job.reach(10);
    await write(client, { topic, partition: 2 }, numbers(25, 30));
    await write(client, { topic, partition: 0 }, numbers(0, 5));
    await job.reach(20);
    expect(sorted(job.records)).toEqual([...range(0, 5), ...range(10, 15), ...range(20, 30)]);
  });

  it("finds new topics of its pattern, also when there was none, and leaves the others alone", async () => {
    const client = await clientOf(kafka().bootstrap);
    const prefix = uniqueName("pattern");
    const pattern = new RegExp(`^${prefix}-[ab]`);
    const job = await SourceJob.start(sourceOf({ pattern, startFrom: "latest" }));
    const other = await admin().createTopic({ name: `${prefix}-c` });
    await write(client, { topic: other, partition: 0 }, ["999"]);
    const first = await admin().createTopic({ name: `${prefix}-a` });
    // Found before anything else had been: these partitions are the first, and start at the end.
    await job.until(() => job.gauge(".enumerator.assignedSplits") === 1, "the first split");
    await write(client, { topic: first, partition: 0 }, numbers(0, 5));
    const second = await admin().createTopic({ name: `${prefix}-b`, partitions: 2 });
    await write(client, { topic: second, partition: 0 }, numbers(10, 15));
    await write(client, { topic: second, partition: 1 }, numbers(20, 25));
    await job.reach(15);
    expect(sorted(job.records)).toEqual([...range(0, 5), ...range(10, 15), ...range(20, 25)]);
  });

  it("goes on with the other topics when one is deleted, also after a restore", async () => {
    const client = await clientOf(kafka().bootstrap);
    const prefix = uniqueName("deleted");
    const kept = await admin().createTopic({ name: `${prefix}-kept` });
    const gone = await admin().createTopic({ name: `${prefix}-gone` });
    const checkpoint = { directory: newFolder() };
    const groupId = uniqueName("group");
    const source = () => sourceOf({ pattern: new RegExp(`^${prefix}`), groupId });
    await write(client, { topic: kept, partition: 0 }, numbers(0, 5));
    await write(client, { topic: gone, partition: 0 }, numbers(50, 55));
    const job = await SourceJob.start(source(), { checkpoint });
    await job.reach(10);
    await admin().deleteTopic(gone);
    await job.until(() => job.gauge(".enumerator.removedPartitions") === 1, "the lack");
    for (let n = 5; n < 15; n++) {
      await write(client, { topic: kept, partition: 0 }, [String(n)]);
      await job.reach(n + 6);
    }
    await job.handle.checkpoint();
    // The group's offset of the topic that is gone is refused; the others count all the same.
    const place = [{ topic: kept, partition: 0 }];
    await until(
      async () => (await client.committedOffsets(groupId, place))[0]?.offset === 15,
      "the commit",
    );
    const { location } = await job.handle.stop();
    await job.finish();
    const restored = await SourceJob.start(source(), { checkpoint, fromSavepoint: location });
    await write(client, { topic: kept, partition: 0 }, numbers(15, 20));
    await restored.reach(5);
    await restored.handle.checkpoint();
    expect(sorted(restored.records)).toEqual(range(15, 20));
  });

  it("waits for the leader when the topics are named, and one is deleted", async () => {
    const client = await clientOf(kafka().bootstrap);
    const [kept, gone] = [await admin().createTopic(), await admin().createTopic()];
    const job = await SourceJob.start(sourceOf({ topics: [kept, gone] }));
    await write(client, { topic: gone, partition: 0 }, ["1"]);
    await job.reach(1);
    await admin().deleteTopic(gone);
    await job.until(() => job.gauge(".enumerator.removedPartitions") === 1, "the lack");
    await write(client, { topic: kept, partition: 0 }, ["2"]);
    await job.reach(2);
    expect(job.gauge(".enumerator.discoveryFailures")).toBe(0);
  });

  it("fails at the start when a named topic or partition is not there", async () => {
    const topic = await admin().createTopic();
    const missing = sourceOf({ topics: [topic, "source-no-such-topic"] });
    expect((await failureOf(missing, "KAFKA_REQUEST_FAILED")).message).toContain(
      "topic source-no-such-topic does not exist",
    );
    const partition = sourceOf({ partitions: [{ topic, partition: 4 }] });
    expect((await failureOf(partition, "KAFKA_REQUEST_FAILED")).message).toContain(`${topic}-4`);
  });
});

describe("the offsets of its group", () => {
  it("are committed with each checkpoint, as Kafka's own tool shows", async () => {
    const client = await clientOf(kafka().bootstrap);
    const topic = await admin().createTopic({ partitions: 2 });
    const groupId = uniqueName("group");
    await write(client, { topic, partition: 0 }, numbers(0, 7));
    const job = await SourceJob.start(sourceOf({ topics: topic, groupId }), { parallelism: 2 });
    await job.reach(7);
    await job.handle.checkpoint();
    const committed = () =>
      client.committedOffsets(groupId, [
        { topic, partition: 0 },
        { topic, partition: 1 },
      ]);
    const offsets = async () => (await committed()).map(({ offset }) => offset);
    await until(async () => (await offsets()).join() === "7,0", "the commit");
    await write(client, { topic, partition: 0 }, numbers(7, 10));
    await job.reach(10);
    // Nothing covers them so far.
    expect(await offsets()).toEqual([7, 0]);
    const described = await kafka().runTool(
      "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
      ["--bootstrap-server", kafka().bootstrap, "--describe", "--group", groupId],
    );
    expect(described).toMatch(new RegExp(`${groupId}\\s+${topic}\\s+0\\s+7\\s+10\\s+3\\s`));
    expect(described).toMatch(new RegExp(`${groupId}\\s+${topic}\\s+1\\s+0\\s+0\\s+0\\s`));
    await job.handle.checkpoint();
    await until(async () => (await offsets()).join() === "10,0", "the second commit");
    await job.until(() => job.gauge(`${topic}.partition.0.committedOffset`) === 10, "the gauge");
    expect(job.gauge(`${topic}.partition.0.currentOffset`)).toBe(9);
  });

  it("are committed from time to time without checkpoints, and where another job starts", async () => {
    const client = await clientOf(kafka().bootstrap);
    const topic = await admin().createTopic();
    const groupId = uniqueName("group");
    await write(client, { topic, partition: 0 }, numbers(0, 7));
    const settings = { topics: topic, groupId } as const;
    const job = await SourceJob.start(
      sourceOf({ ...settings, commitOffsetsOnCheckpoint: false, autoCommitInterval: 50 }),
    );
    await job.reach(7);
    const place = [{ topic, partition: 0 }];
    await until(
      async () => (await client.committedOffsets(groupId, place))[0]?.offset === 7,
      "the commit",
    );
    await job.handle.cancel();
    await write(client, { topic, partition: 0 }, numbers(7, 9));
    const next = await SourceJob.start(sourceOf({ ...settings, startFrom: "committed" }));
    await next.reach(2);
    expect(next.records).toEqual(["7", "8"]);
  });
});

it("has each record once in its state with 2, 4 and 1 subtasks, over failures and savepoints", async () => {
  const seed = Number(process.env.HEADWATER_SEED ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const client = await clientOf(kafka().bootstrap);
  const topic = await admin().createTopic({ partitions: 6 });
  let written = 0;
  const writeSome = async (): Promise<void> => {
    const partition = Math.floor(random.next() * 6);
    const next = written + 1 + Math.floor(random.next() * 40);
    await write(client, { topic, partition }, numbers(written, next));
    written = next;
  };
  const checkpoint = { directory: newFolder(), interval: 30 };
  let location: string | undefined;
  let restarts = 0;
  for (const parallelism of [2, 4, 1]) {
    const ledger = new Ledger();
    const failing = map((value: string) => {
      if (random.next() < 0.002) throw new Error("now and then");
      return Number(value);
    });
    const job = await SourceJob.start<unknown, never, never>(
      sourceOf({ topics: topic, maxPartitionBytes: 500 }) as never,
      {
        parallelism,
        checkpoint,
        through: [failing, ledger.keeping()] as never,
        restartStrategy: fixedDelayRestart({ attempts: 10_000, delay: 10 }),
        ...(location === undefined ? {} : { fromSavepoint: location }),
      },
    );
    const goal = written + 3000;
    while (written < goal) await writeSome();
    await job.until(() => ledger.numbers.length >= goal - 1000, "most of them");
    // A failure may come in the middle of it.
    for (location = undefined; location === undefined; ) {
      location = await job.handle.stop().then(
        (savepoint) => savepoint.location,
        () => undefined,
      );
    }
    await job.finish();
    restarts += job.handle.status().restarts;
    expect(new Set(ledger.numbers).size).toBe(ledger.numbers.length);
  }
  const ledger = new Ledger();
  const last = await SourceJob.start<unknown, never, never>(sourceOf({ topics: topic }) as never, {
    parallelism: 3,
    through: [map((value: string) => Number(value)), ledger.keeping()] as never,
    fromSavepoint: location as string,
    checkpoint,
  });
  await last.until(() => ledger.numbers.length >= written, "all");
  expect(ledger.numbers).toEqual(range(0, written));
  expect(restarts).toBeGreaterThan(3);
});
