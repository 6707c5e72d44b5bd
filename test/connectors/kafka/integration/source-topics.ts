import { spawn } from "node:child_process";
import { once } from "node:events";
import { Kafka, logLevel } from "kafkajs";
import { onTestFinished, vi } from "vitest";
import type { KafkaClient, TopicPartition } from "../../../../src/connectors/kafka/client/index.js";
import { kafkaClients } from "../../../../src/connectors/kafka/index.js";
import {
  type AppendHeader,
  type CompressionType,
  RecordBatchBuilder,
  RecordCodecs,
} from "../../../../src/connectors/kafka/records/index.js";
import { kafkaClassPath } from "../../../support/kafka/kafka-jars.js";
import { untilLed } from "./kafka-topics.js";

// Brokers and tools are processes of their own: a busy machine gives them little.
vi.setConfig({ testTimeout: 240_000 });

let names = 0;

/** A name that nobody else has on the shared broker. */
export function uniqueName(what: string): string {
  return `source-${what}-${process.pid}-${names++}`;
}

/** Looks again and again until it holds: what brokers and other processes do tells nobody. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  longest = 60_000,
): Promise<void> {
  const end = performance.now() + longest;
  while (!(await condition())) {
    if (performance.now() > end) {
      throw new Error(`${typeof what === "string" ? what : what()} has not come`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

interface TopicShape {
  readonly partitions?: number;
  readonly config?: Readonly<Record<string, string | number>>;
  /** The brokers of each partition, its leader first. */
  readonly brokers?: readonly (readonly number[])[];
  readonly name?: string;
}

/** What an administrator does, from the test. */
export class Admin {
  readonly #bootstrap: string;

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap;
  }

  async createTopic(shape: TopicShape = {}): Promise<string> {
    const { partitions = 1, config = {}, brokers, name: topic = uniqueName("topic") } = shape;
    const configEntries = Object.entries(config).map(([name, value]) => ({
      name,
      value: String(value),
    }));
    const replicaAssignment = brokers?.map((replicas, partition) => ({
      partition,
      replicas: [...replicas],
    }));
    const placed =
      replicaAssignment === undefined
        ? { numPartitions: partitions }
        : { numPartitions: -1, replicationFactor: -1, replicaAssignment };
    await this.#run((admin) =>
      admin.createTopics({
        waitForLeaders: false,
        topics: [{ topic, configEntries, ...placed }],
      }),
    );
    await untilLed(this.#bootstrap, topic, brokers?.length ?? partitions);
    return topic;
  }

  addPartitions(topic: string, count: number): Promise<unknown> {
    return this.#run((admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#run((admin) => admin.deleteTopics({ topics: [topic] }));
  }

  /** The log begins at these offsets from now on. */
  async deleteRecords(topic: string, before: readonly number[]): Promise<void> {
    const partitions = before.map((offset, partition) => ({ partition, offset: String(offset) }));
    await this.#run(async (admin) => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions });
    });
  }

  /** Other brokers for the partitions of a topic, each partition's leader first. */
  async placePartitions(topic: string, brokers: readonly (readonly number[])[]): Promise<void> {
    const partitionAssignment = brokers.map((replicas, partition) => ({
      partition,
      replicas: [...replicas],
    }));
    await this.#run((admin) =>
      admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] }),
    );
  }

  async #run<T>(work: (admin: ReturnType<Kafka["admin"]>) => Promise<T>): Promise<T> {
    const admin = new Kafka({ brokers: [this.#bootstrap], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

/** A client that the end of the test closes. */
export async function clientOf(bootstrap: string): Promise<KafkaClient> {
  const client = await kafkaClients({ brokers: bootstrap }).create("test");
  onTestFinished(() => client.close());
  return client;
}

/** A record to be written; without a timestamp it is of now. */
export interface NewRecord {
  readonly key?: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly timestamp?: number;
  readonly headers?: readonly AppendHeader[];
}

export interface BatchShape {
  readonly compression?: CompressionType;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly isTransactional?: boolean;
  readonly sequence?: number;
  readonly transactionalId?: string;
}

const codecs = await RecordCodecs.load();
await codecs.prepare("zstd");

export function encoded(records: readonly NewRecord[], shape: BatchShape = {}): Buffer {
  const { sequence, transactionalId, ...rest } = shape;
  const builder = new RecordBatchBuilder({ codecs, maxBatchBytes: 64 * 1024 * 1024, ...rest });
  const now = Date.now();
  for (const { key = null, value, headers, timestamp = now } of records) {
    if (!builder.append(key, value, headers, timestamp)) throw new Error("does not fit");
  }
  return builder.build(sequence);
}

/** Errors that say that nothing was written, because the leader is another or not there yet. */
const NOT_WRITTEN: ReadonlySet<string | undefined> = new Set([
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "UNKNOWN_TOPIC_OR_PARTITION",
]);

/** Writes one batch at the partition's leader, as soon as there is one, and gives its first offset. */
export async function write(
  client: KafkaClient,
  at: TopicPartition,
  records: readonly (NewRecord | string)[],
  shape: BatchShape = {},
): Promise<number> {
  const all = records.map((record) => (typeof record === "string" ? { value: record } : record));
  const request = {
    acks: -1,
    timeout: 5000,
    transactionalId: shape.transactionalId,
    partitions: [{ ...at, records: encoded(all, shape) }],
  } as const;
  let baseOffset = -1;
  await until(async () => {
    const leader = await client.leaderOf(at);
    const [answer] = leader === undefined ? [] : await client.produce(leader, request);
    if (answer?.error === "NONE") {
      baseOffset = answer.baseOffset;
      return true;
    }
    if (answer !== undefined && !NOT_WRITTEN.has(answer.error)) {
      throw new Error(`writing to ${at.topic}: ${answer.error}`);
    }
    await client.refreshMetadata([at.topic]);
    return false;
  }, `a leader of ${at.topic}`);
  return baseOffset;
}

/** How many records each batch of the first megabyte has. */
export async function batchSizes(client: KafkaClient, at: TopicPartition): Promise<number[]> {
  const bytes = await firstBytes(client, at);
  const sizes: number[] = [];
  for (let start = 0; start + 61 <= bytes.length; start += 12 + bytes.readInt32BE(start + 8)) {
    sizes.push(bytes.readInt32BE(start + 57));
  }
  return sizes;
}

/** The first megabyte of a log as it is sent. */
export async function firstBytes(client: KafkaClient, at: TopicPartition): Promise<Buffer> {
  const maxBytes = 1_000_000;
  const [fetched] = await client.fetch((await client.leaderOf(at)) ?? -1, {
    isolation: "read_uncommitted",
    maxWait: 0,
    minBytes: 1,
    maxBytes,
    positions: [{ ...at, offset: 0, maxBytes }],
  });
  return fetched?.records ?? Buffer.alloc(0);
}

/** Values `from` to `to - 1` as text. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}

/** A transaction on one partition. */
export class Transaction {
  readonly #client: KafkaClient;
  readonly #at: TopicPartition;
  readonly #producer: { producerId: number; producerEpoch: number; transactionalId: string };
  #sequence = 0;

  private constructor(
    client: KafkaClient,
    at: TopicPartition,
    producer: { producerId: number; producerEpoch: number; transactionalId: string },
  ) {
    this.#client = client;
    this.#at = at;
    this.#producer = producer;
  }

  static async begin(client: KafkaClient, at: TopicPartition): Promise<Transaction> {
    const transactionalId = uniqueName("transaction");
    const identity = await client.initProducerId(transactionalId, 60_000);
    const transaction = new Transaction(client, at, { ...identity, transactionalId });
    await client.addPartitionsToTransaction(transaction.#producer, [at]);
    return transaction;
  }

  async write(records: readonly (NewRecord | string)[]): Promise<number> {
    const shape = { ...this.#producer, isTransactional: true, sequence: this.#sequence };
    this.#sequence += records.length;
    return write(this.#client, this.#at, records, shape);
  }

  async end(result: "commit" | "abort"): Promise<void> {
    await this.endUnwaited(result);
    // The coordinator answers before the marker is in the log.
    const query = { ...this.#at, at: "latest" } as const;
    await until(async () => {
      const [stable] = await this.#client.listOffsets([query], "read_committed");
      const [end] = await this.#client.listOffsets([query], "read_uncommitted");
      return stable?.offset === end?.offset;
    }, "the marker of the transaction");
  }

  /** Also where another transaction keeps what is stable from moving. */
  async endUnwaited(result: "commit" | "abort"): Promise<void> {
    const error = await this.#client.endTransaction(this.#producer, result === "commit");
    if (error !== "NONE") throw new Error(`ending a transaction: ${error}`);
  }
}

/** Java's console producer with this input. */
export async function consoleProduce(
  bootstrap: string,
  topic: string,
  lines: readonly string[],
  args: readonly string[] = [],
): Promise<void> {
  const main = "org.apache.kafka.tools.ConsoleProducer";
  const child = spawn(
    "java",
    [
      ...["-cp", await kafkaClassPath(), main],
      ...["--bootstrap-server", bootstrap, "--topic", topic, ...args],
    ],
    { stdio: ["pipe", "ignore", "pipe"] },
  );
  let errors = "";
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  child.stdin.end(lines.map((line) => `${line}\n`).join(""));
  const [code] = await once(child, "close");
  if (code !== 0 || errors.includes("ERROR")) throw new Error(`the console producer: ${errors}`);
}
