import { randomBytes } from "node:crypto";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { expect, vi } from "vitest";
import type {
  KafkaClient,
  TopicPartition,
} from "../../../../src/connectors/kafka/client/kafka-client.js";
import { kafkaClients } from "../../../../src/connectors/kafka/index.js";
import {
  RecordBatchBuilder,
  RecordBatchReader,
  RecordCodecs,
} from "../../../../src/connectors/kafka/records/index.js";
import type { SharedKafka } from "../../../support/kafka/shared-kafka.js";

// Brokers and tools are processes of their own: a busy machine gives them little.
vi.setConfig({ testTimeout: 240_000 });

/** A name that nobody else has: the broker is shared. */
export function newName(what: string): string {
  return `${what}-${randomBytes(4).toString("hex")}`;
}

/** Runs something as the administrator of a cluster. */
export async function withAdmin<R>(
  bootstrap: string,
  use: (admin: Admin) => Promise<R>,
): Promise<R> {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin({ retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 500 } });
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** What a topic is to be like. */
export interface TopicShape {
  readonly partitions?: number;
  /** The brokers of each partition, its leader first. */
  readonly brokers?: readonly (readonly number[])[];
  readonly config?: Readonly<Record<string, string>>;
}

/** Makes a topic and gives its name. */
export async function newTopic(
  bootstrap: string,
  { partitions = 1, brokers, config = {} }: TopicShape = {},
): Promise<string> {
  const topic = newName("t");
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const placed = brokers?.map((replicas, partition) => ({ partition, replicas: [...replicas] }));
  await withAdmin(bootstrap, (admin) =>
    admin.createTopics({
      waitForLeaders: false,
      topics: [
        placed === undefined
          ? { topic, numPartitions: partitions, configEntries }
          : {
              topic,
              numPartitions: -1,
              replicationFactor: -1,
              replicaAssignment: placed,
              configEntries,
            },
      ],
    }),
  );
  await untilLed(bootstrap, topic, brokers?.length ?? partitions);
  return topic;
}

/** Waits until a new topic is known to its brokers: kafkajs gives up at the first that has not heard of it. */
export function untilLed(bootstrap: string, topic: string, wanted: number): Promise<void> {
  return withClient(bootstrap, async (client) => {
    const led = async (): Promise<boolean> => {
      if ((await client.partitionCounts([topic])).get(topic) !== wanted) return false;
      const places = Array.from({ length: wanted }, (_, partition) => ({ topic, partition }));
      const leaders = await Promise.all(places.map((place) => client.leaderOf(place)));
      if (leaders.includes(undefined)) return false;
      // A broker may be named as leader before it knows of it.
      const queries = places.map((place) => ({ ...place, at: "latest" }) as const);
      const answers = await client.listOffsets(queries, "read_uncommitted");
      return answers.every(({ error }) => error === "NONE");
    };
    await expect.poll(led, { timeout: 60_000, interval: 20 }).toBe(true);
  });
}

/** Waits until no transaction is open: a coordinator answers before its markers are in the logs. */
export function untilStable(bootstrap: string, topic: string): Promise<void> {
  return withClient(bootstrap, async (client) => {
    const partitions = (await client.partitionCounts([topic])).get(topic) ?? 0;
    const queries = Array.from({ length: partitions }, (_, partition) => {
      return { topic, partition, at: "latest" } as const;
    });
    const isStable = async (): Promise<boolean> => {
      const stable = await client.listOffsets(queries, "read_committed");
      const ends = await client.listOffsets(queries, "read_uncommitted");
      return stable.every(({ offset }, i) => offset !== undefined && offset === ends[i]?.offset);
    };
    await expect.poll(isStable, { timeout: 60_000, interval: 20 }).toBe(true);
  });
}

/** Runs something with a client of the connector's own. */
export async function withClient<R>(
  bootstrap: string,
  use: (client: KafkaClient) => Promise<R>,
): Promise<R> {
  const client = await kafkaClients({ brokers: bootstrap }).create("test");
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

const codecs = await RecordCodecs.load();
const BATCH = 1000;

type ValueOf = (partition: number, n: number) => string;

const numbered: ValueOf = (p, n) => JSON.stringify({ p, n });

/** Appends records to each partition: `value(partition, n)` for so many n from `from` on. */
export function fillTopic(
  bootstrap: string,
  topic: string,
  plan: { readonly partitions: number; readonly records: number; readonly from?: number },
  value = numbered,
): Promise<void> {
  const { partitions, records, from = 0 } = plan;
  return withClient(bootstrap, async (client) => {
    for (let partition = 0; partition < partitions; partition++) {
      await fillPartition(client, { topic, partition }, from, from + records, value);
    }
  });
}

/** Appends `value(partition, n)` for n from `from` up to, not including, `to`. */
export async function fillPartition(
  client: KafkaClient,
  { topic, partition }: TopicPartition,
  from: number,
  to: number,
  value = numbered,
): Promise<void> {
  for (let first = from; first < to; first += BATCH) {
    const builder = new RecordBatchBuilder({ codecs });
    for (let n = first; n < Math.min(first + BATCH, to); n++) {
      builder.append(null, value(partition, n), undefined, Date.now());
    }
    const leader = (await client.leaderOf({ topic, partition })) ?? -1;
    const partitions = [{ topic, partition, records: builder.build() }];
    const request = { acks: -1, timeout: 5000, transactionalId: undefined, partitions } as const;
    const [answer] = await client.produce(leader, request);
    if (answer?.error !== "NONE") throw new Error(`${topic}-${partition}: ${answer?.error}`);
  }
}

/** A record as a test sees it. */
export interface ReadRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
}

/** Reads new records of a topic at each look, as read_committed readers see them. */
export class TopicReader {
  readonly records: ReadRecord[] = [];
  readonly #bootstrap: string;
  readonly #topic: string;
  readonly #next = new Map<number, number>();

  constructor(bootstrap: string, topic: string) {
    this.#bootstrap = bootstrap;
    this.#topic = topic;
  }

  /** Reads to the last stable offset of now, or beyond; gives all records so far. */
  look(): Promise<readonly ReadRecord[]> {
    const topic = this.#topic;
    return withClient(this.#bootstrap, async (client) => {
      const partitions = (await client.partitionCounts([topic])).get(topic) ?? 0;
      const queries = Array.from({ length: partitions }, (_, partition) => ({
        topic,
        partition,
        at: "latest" as const,
      }));
      for (const { partition, offset } of await client.listOffsets(queries, "read_committed")) {
        if (offset === undefined) throw new Error(`${topic}-${partition} has no end`);
        await this.#readTo(client, partition, offset);
      }
      return this.records;
    });
  }

  async #readTo(client: KafkaClient, partition: number, end: number): Promise<void> {
    const topic = this.#topic;
    const leader = (await client.leaderOf({ topic, partition })) ?? -1;
    for (let offset = this.#next.get(partition) ?? 0; offset < end; ) {
      const positions = [{ topic, partition, offset, maxBytes: 10_000_000 }];
      const [fetched] = await client.fetch(leader, {
        isolation: "read_committed",
        maxWait: 100,
        minBytes: 1,
        maxBytes: 20_000_000,
        positions,
      });
      // Who does not lead any more answers with no records, at once, and would be asked without end.
      if (fetched?.error !== "NONE" || fetched.records === undefined) {
        throw new Error(`${topic}: ${fetched?.error}`);
      }
      await codecs.prepareFor(fetched.records);
      const reader = new RecordBatchReader(fetched.records, {
        codecs,
        partition: `${topic}-${partition}`,
        from: offset,
        abortedTransactions: fetched.abortedTransactions,
      });
      for (const { key, value } of reader) {
        this.records.push({
          partition,
          key: key === null ? null : Buffer.from(key).toString(),
          value: value === null ? null : Buffer.from(value).toString(),
        });
      }
      offset = reader.nextOffset;
      this.#next.set(partition, offset);
    }
  }
}

/** All committed records of a topic. */
export function readTopic(bootstrap: string, topic: string): Promise<readonly ReadRecord[]> {
  return new TopicReader(bootstrap, topic).look();
}

/** A line a committed record, of the first `count` that it finds, from Kafka's console consumer. */
export async function consoleConsumer(
  kafka: Pick<SharedKafka, "bootstrap" | "runTool">,
  topic: string,
  count: number,
  ...print: readonly string[]
): Promise<readonly string[]> {
  const shown = print.flatMap((what) => ["--formatter-property", `print.${what}=true`]);
  const text = await kafka.runTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--bootstrap-server", kafka.bootstrap, "--topic", topic, "--from-beginning"],
    ...["--isolation-level", "read_committed"],
    ...["--max-messages", String(count), "--timeout-ms", "120000"],
    ...shown,
  ]);
  return text.split("\n").filter((line) => line !== "");
}
