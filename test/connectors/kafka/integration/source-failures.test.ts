import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import type { KafkaClient } from "../../../../src/connectors/kafka/client/index.js";
import {
  type KafkaKeyedRecord,
  kafkaClients,
  kafkaSource,
} from "../../../../src/connectors/kafka/index.js";
import {
  type KafkaBroker,
  kafkaSkipReason,
  startKafka,
} from "../../../support/kafka/kafka-broker.js";
import { keyed, readAll, SourceJob } from "./source-jobs.js";
import { Admin, clientOf, encoded, uniqueName, until } from "./source-topics.js";

const PARTITIONS = 4;

const why = kafkaSkipReason();
let cluster: KafkaBroker;

beforeAll(async () => {
  if (why !== undefined) return;
  const properties = {
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "leader.imbalance.check.interval.seconds": 1,
    "leader.imbalance.per.broker.percentage": 0,
  };
  cluster = await startKafka({ nodes: 2, properties });
}, 240_000);
afterAll(() => cluster?.stop());
beforeEach(({ skip }) => {
  if (why !== undefined) skip(why);
});

type Read = KafkaKeyedRecord<string, string>;

/** Writes all the time, to each partition in turn; what was not answered is written again. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly done: Promise<void>;
  readonly #client: KafkaClient;
  readonly #topic: string;
  #next = 0;
  #isOver = false;

  constructor(client: KafkaClient, topic: string, partitions: number) {
    this.#client = client;
    this.#topic = topic;
    this.done = Promise.all(
      Array.from({ length: partitions }, (_, partition) => this.#write(partition)),
    ).then(() => {});
  }

  end(): Promise<void> {
    this.#isOver = true;
    return this.done;
  }

  async #write(partition: number): Promise<void> {
    const at = { topic: this.#topic, partition };
    while (!this.#isOver) {
      const value = `value ${this.#next++}`;
      for (let written = false; !written; ) {
        // It waits between two records, so that the log does not grow with the speed of the machine.
        await new Promise((resolve) => setTimeout(resolve, 5));
        written = await this.#tryWrite(at, value);
        if (this.#isOver && !written) return;
      }
      this.acknowledged.push(value);
    }
  }

  async #tryWrite(at: { topic: string; partition: number }, value: string): Promise<boolean> {
    try {
      const leader = await this.#client.leaderOf(at);
      if (leader !== undefined) {
        const partitions = [{ ...at, records: encoded([{ value }]) }];
        const request = {
          acks: -1,
          timeout: 2000,
          transactionalId: undefined,
          partitions,
        } as const;
        const [answer] = await this.#client.produce(leader, request);
        if (answer?.error === "NONE") return true;
      }
      await this.#client.refreshMetadata([at.topic]);
    } catch {
      // A broker that is gone: the next try asks for the leader again.
      await this.#client.refreshMetadata([at.topic]).catch(() => {});
    }
    return false;
  }
}

it("reads each record once and in order while leaders move and brokers die", async () => {
  const brokers = [
    [2, 1],
    [1, 2],
    [2, 1],
    [1, 2],
  ];
  const admin = new Admin(cluster.bootstrap);
  const topic = await admin.createTopic({ brokers });
  const directory = mkdtempSync(join(tmpdir(), "headwater-kafka-failures-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const groupId = uniqueName("group");
  const sourceOf = (more: object = {}) =>
    kafkaSource<Read>({
      brokers: cluster.bootstrap,
      topics: topic,
      groupId,
      deserializer: keyed,
      requestTimeout: "5s",
      ...more,
    } as never);
  const job = await SourceJob.start(sourceOf({ discoveryInterval: 200 }), {
    parallelism: 2,
    checkpoint: { directory, interval: 100 },
  });
  const client = await clientOf(cluster.bootstrap);
  const leaderOf = async (partition: number): Promise<number | undefined> => {
    await client.refreshMetadata([topic]);
    return client.leaderOf({ topic, partition });
  };
  const writer = new Writer(client, topic, PARTITIONS);
  const start = performance.now();
  const told = (what: string): void =>
    console.log(`${((performance.now() - start) / 1000).toFixed(1)} s: ${what}`);
  /** Goes on until every partition has got something new. */
  const progress = async (what: string): Promise<void> => {
    const from = job.records.length;
    const isNew = (): boolean =>
      new Set(job.records.slice(from).map(({ partition }) => partition)).size === PARTITIONS;
    await job.until(isNew, `progress after ${what}`, 90_000);
    told(`progress after ${what}`);
  };
  await progress("the start");

  // The leaders of all four go to the other broker, as of a topic that is balanced anew.
  const swapped = brokers.map((replicas) => [...replicas].reverse());
  await admin.placePartitions(topic, swapped);
  await until(
    async () => (await leaderOf(0)) === 1 && (await leaderOf(1)) === 2,
    "the leaders' move",
  );
  await progress("all leaders have moved");

  await cluster.killNode(2);
  await progress("node 2 was killed");
  // With it the controller, the group's coordinator and the only address that the source was given.
  const failed = job.sum("fetchesFailed");
  await cluster.killNode(1);
  await job.until(() => job.sum("fetchesFailed") > failed, "a failed fetch");
  await Promise.all([cluster.restartNode(1), cluster.restartNode(2)]);
  await progress("all brokers were killed and are back");
  await until(async () => (await leaderOf(1)) === 2, "the leader's return");
  await progress("node 2 leads again");
  await job.handle.checkpoint();

  await writer.end();
  const log = await readAll(sourceOf({ stopAt: "latest", groupId: undefined }));
  await job.until(() => job.records.length >= log.length, "the end of the log");
  expect(job.handle.status().restarts).toBe(0);
  const logged = new Set(log.map(({ value }) => value));
  expect(writer.acknowledged.filter((value) => !logged.has(value))).toEqual([]);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const of = (records: readonly Read[]) =>
      records
        .filter((record) => record.partition === partition)
        .map(({ offset, value }) => [offset, value]);
    const inLog = of(log);
    expect(inLog.map(([offset]) => offset)).toEqual(inLog.map((_, i) => i));
    expect(of(job.records)).toEqual(inLog);
  }
  const { location } = await job.handle.checkpoint();
  expect(location).not.toBe("");
  await until(async () => {
    const places = brokers.map((_, partition) => ({ topic, partition }));
    const offsets = await client.committedOffsets(groupId, places);
    return offsets.reduce((sum, { offset }) => sum + (offset ?? 0), 0) === log.length;
  }, "the commit of the whole");
  console.log(`${log.length} records, ${writer.acknowledged.length} acknowledged`);
}, 400_000);

it("goes on with the other partitions while a broker hangs, and with its own when another leads them", async () => {
  const admin = new Admin(cluster.bootstrap);
  const hung = await admin.createTopic({ brokers: [[2, 1]] });
  const other = await admin.createTopic({ brokers: [[1]] });
  const source = kafkaSource<Read>({
    brokers: cluster.bootstrap,
    topics: [hung, other],
    deserializer: keyed,
    requestTimeout: "8s",
  });
  const job = await SourceJob.start(source);
  const writerOf = async (topic: string): Promise<Writer> => {
    const clients = kafkaClients({ brokers: cluster.bootstrap, requestTimeout: "2s" });
    const client = await clients.create("writer");
    onTestFinished(() => client.close());
    return new Writer(client, topic, 1);
  };
  const writers = [await writerOf(hung), await writerOf(other)];
  const has = (topic: string, from: number): boolean =>
    job.records.slice(from).some((record) => record.topic === topic);
  await job.until(() => has(hung, 0) && has(other, 0), "the start");
  cluster.freezeNode(2);
  const from = job.records.length;
  const failed = job.sum("fetchesFailed");
  const ofOther = (): number =>
    job.records.slice(from).filter(({ topic }) => topic === other).length;
  await job.until(() => ofOther() >= 20, "progress beside the broker that hangs", 90_000);
  // The fetch from that broker was still under way: it has held nothing up.
  expect(job.sum("fetchesFailed")).toBe(failed);
  await job.until(() => job.sum("fetchesFailed") > failed, "the end of that fetch", 90_000);
  const later = job.records.length;
  await job.until(() => has(hung, later), "progress with another leader", 90_000);
  cluster.thawNode(2);
  const last = job.records.length;
  await job.until(() => has(hung, last) && has(other, last), "progress when it is back", 90_000);
  await Promise.all(writers.map((writer) => writer.end()));
  for (const topic of [hung, other]) {
    const offsets = job.records
      .filter((record) => record.topic === topic)
      .map((record) => record.offset);
    expect(offsets).toEqual(offsets.map((_, i) => i));
  }
}, 400_000);
