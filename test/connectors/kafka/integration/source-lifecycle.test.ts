import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type KafkaSourceOptions,
  kafkaSink,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { defineJob, fixedDelayRestart, map } from "../../../../src/index.js";
import { useSharedKafka } from "../../../support/kafka/shared-kafka.js";
import { untilStable } from "./kafka-topics.js";
import { readAll, SourceJob } from "./source-jobs.js";
import {
  Admin,
  clientOf,
  numbers,
  Transaction,
  uniqueName,
  until,
  write,
} from "./source-topics.js";

const kafka = useSharedKafka();
const admin = (): Admin => new Admin(kafka().bootstrap);

const sourceOf = (more: object) =>
  kafkaSource<string>({
    brokers: kafka().bootstrap,
    deserializer: kafkaString(),
    maxWait: 100,
    ...more,
  } as unknown as KafkaSourceOptions<string>);

/** Connections that this process has open. */
const connections = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;

describe("a job that ends", () => {
  it("has committed to the group all that it has read, also when its sink commits nothing", async () => {
    const topic = await admin().createTopic({ partitions: 3 });
    const client = await clientOf(kafka().bootstrap);
    await write(client, { topic, partition: 0 }, numbers(0, 7));
    await write(client, { topic, partition: 1 }, numbers(7, 10));
    const groupId = uniqueName("group");
    // Without its last checkpoint it would have none.
    const read = await readAll(sourceOf({ topics: topic, groupId, stopAt: "latest" }), {
      parallelism: 2,
      checkpoint: { interval: "1h" },
    });
    expect(read.length).toBe(10);
    const places = [0, 1, 2].map((partition) => ({ topic, partition }));
    const offsets = await client.committedOffsets(groupId, places);
    expect(offsets.map(({ offset }) => offset)).toEqual([7, 3, 0]);
  });

  it("has committed to the group all that its sink has committed", async () => {
    const directory = mkdtempSync(join(tmpdir(), "headwater-kafka-source-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const [topic, copy] = [
      await admin().createTopic({ partitions: 2 }),
      await admin().createTopic(),
    ];
    const client = await clientOf(kafka().bootstrap);
    await write(client, { topic, partition: 0 }, numbers(0, 7));
    await write(client, { topic, partition: 1 }, numbers(7, 10));
    const groupId = uniqueName("group");
    const job = defineJob("copying", (env) =>
      env.fromSource(sourceOf({ topics: topic, groupId, stopAt: "latest" })).sinkTo(
        kafkaSink<string>({
          brokers: kafka().bootstrap,
          topic: copy,
          serializer: "string",
          delivery: "exactly-once",
          transactionalIdPrefix: uniqueName("copying"),
        }),
      ),
    );
    // It does not come to the second one: the last one is taken at the end.
    const checkpoint = { directory, interval: "14min" };
    await (await job.run({ parallelism: 2, checkpoint })).done;
    const places = [0, 1].map((partition) => ({ topic, partition }));
    const offsets = await client.committedOffsets(groupId, places);
    expect(offsets.map(({ offset }) => offset)).toEqual([7, 3]);
    await untilStable(kafka().bootstrap, copy);
    const copied = await readAll(sourceOf({ topics: copy, stopAt: "latest" }));
    expect(copied.map(Number).sort((a, b) => a - b)).toEqual(numbers(0, 10).map(Number));
  });

  it("leaves no connection behind, after restarts and however it ends", async () => {
    const topic = await admin().createTopic({ partitions: 4 });
    const client = await clientOf(kafka().bootstrap);
    for (const partition of [0, 1, 2, 3]) await write(client, { topic, partition }, ["a", "b"]);
    await client.committedOffsets("warm", [{ topic, partition: 0 }]);
    const before = connections();
    let toFail = 20;
    const failing = map((value: string) => {
      if (toFail-- > 0) throw new Error("now and then");
      return value;
    });
    const job = await SourceJob.start(sourceOf({ topics: topic, groupId: uniqueName("g") }), {
      parallelism: 3,
      through: [failing] as never,
      checkpoint: { interval: 20 },
      restartStrategy: fixedDelayRestart({ attempts: 1000, delay: 1 }),
    });
    await job.until(() => job.handle.status().restarts >= 5 && toFail <= 0, "restarts");
    await job.reach(8);
    await job.handle.cancel();
    await until(
      () => connections() <= before,
      () => `${connections()} connections, not ${before}`,
    );
  });

  it("does not wait for a broker that does not answer", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const brokers = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const before = connections();
    const source = sourceOf({ brokers, topics: "t", requestTimeout: "1h" });
    const job = await SourceJob.start(source, { parallelism: 2 });
    await until(() => connections() > before, "a connection");
    await job.handle.cancel();
    await until(() => connections() <= before + 1, "the end of the connection");
  });
});

describe("a place that lies behind an open transaction", () => {
  it("is where a timestamp starts: what is older in the transaction is left out", async () => {
    const at = { topic: await admin().createTopic(), partition: 0 };
    const client = await clientOf(kafka().bootstrap);
    const T0 = Date.now() - 60_000;
    await write(client, at, [{ value: "first", timestamp: T0 }]);
    const open = await Transaction.begin(client, at);
    await open.write([{ value: "old", timestamp: T0 + 1000 }]);
    await write(client, at, [{ value: "new", timestamp: T0 + 5000 }]);
    const startFrom = { timestamp: T0 + 3000 };
    const job = await SourceJob.start(sourceOf({ topics: at.topic, startFrom }));
    await job.until(() => job.gauge(".enumerator.assignedSplits") === 1, "the split");
    await open.end("commit");
    await job.until(() => job.records.includes("new"), "the new record");
    expect(job.records).toEqual(["new"]);
    // A bounded job does not wait for it.
    const other = await Transaction.begin(client, at);
    await other.write([{ value: "other", timestamp: T0 + 6000 }]);
    await write(client, at, [{ value: "last", timestamp: T0 + 9000 }]);
    const stopAt = { timestamp: T0 + 8000 };
    expect(await readAll(sourceOf({ topics: at.topic, stopAt }))).toEqual(["first", "old", "new"]);
    const nothing = await readAll(
      sourceOf({ topics: at.topic, startFrom: { timestamp: T0 + 7000 }, stopAt: "latest" }),
    );
    expect(nothing).toEqual([]);
    await other.end("abort");
  });
});

it("reads 300 partitions with 3 subtasks, each record once", async () => {
  const topic = await admin().createTopic({ partitions: 300 });
  const client = await clientOf(kafka().bootstrap);
  for (let partition = 0; partition < 300; partition += 7) {
    await write(client, { topic, partition }, numbers(10 * partition, 10 * partition + 3));
  }
  const records = await readAll(sourceOf({ topics: topic, stopAt: "latest" }), { parallelism: 3 });
  const expected = numbers(0, 43).flatMap((n) => numbers(70 * Number(n), 70 * Number(n) + 3));
  expect(records.map(Number).sort((a, b) => a - b)).toEqual(expected.map(Number));
});
