import { createRequire } from "node:module";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import type { Client } from "./client.js";

let groups = 0;

/** What is used of the peers, which have no types here. */
interface PlatformaticKafka {
  readonly Consumer: new (
    options: object,
  ) => {
    consume(options: object): Promise<AsyncIterable<{ readonly value: Buffer }>>;
    close(force: boolean): Promise<void>;
  };
}

interface KafkaCrab {
  readonly KafkaClient: new (
    options: object,
  ) => {
    createConsumer(options: object): {
      subscribe(topics: readonly object[]): Promise<void>;
      recvBatch(size: number, timeout: number): Promise<readonly { readonly payload: Buffer }[]>;
      disconnect(): Promise<void>;
    };
  };
}

interface Confluent {
  readonly KafkaJS: {
    readonly Kafka: new (
      options: object,
    ) => {
      consumer(options: object): {
        connect(): Promise<void>;
        subscribe(options: object): Promise<void>;
        run(options: object): Promise<void>;
        disconnect(): Promise<void>;
      };
    };
  };
}

async function load<T>(peers: string, name: string): Promise<T> {
  const path = createRequire(join(peers, "package.json")).resolve(name);
  const loaded = (await import(pathToFileURL(path).href)) as T & { readonly default?: T };
  return loaded.default ?? loaded;
}

/** A stream of messages, as its documentation shows it. */
export const platformatic: Client = async ({ broker, topic, records, atMost, peers }) => {
  const { Consumer } = await load<PlatformaticKafka>(peers, "@platformatic/kafka");
  const consumer = new Consumer({
    clientId: "bench",
    groupId: `platformatic-${process.pid}-${groups++}`,
    bootstrapBrokers: [broker],
  });
  const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false });
  const end = Math.min(records, atMost);
  let started = 0;
  let read = 0;
  let bytes = 0;
  for await (const { value } of stream) {
    started ||= performance.now();
    bytes += value.length;
    if (++read >= end) break;
  }
  const ms = performance.now() - started;
  await consumer.close(true);
  return { ms, records: read, values: { bytes } };
};

/** Batches of 1,000, the most that it gives. */
export const crab: Client = async ({ broker, topic, records, atMost, peers }) => {
  const { KafkaClient } = await load<KafkaCrab>(peers, "kafka-crab-js");
  const client = new KafkaClient({ brokers: broker, clientId: "bench" });
  const consumer = client.createConsumer({
    groupId: `crab-${process.pid}-${groups++}`,
    enableAutoCommit: false,
    configuration: { "auto.offset.reset": "earliest", "isolation.level": "read_committed" },
  });
  await consumer.subscribe([{ topic, allOffsets: { position: "Beginning" } }]);
  const end = Math.min(records, atMost);
  let started = 0;
  let read = 0;
  let bytes = 0;
  while (read < end) {
    const batch = await consumer.recvBatch(1000, 500);
    if (batch.length > 0) started ||= performance.now();
    for (const { payload } of batch) bytes += payload.length;
    read += batch.length;
  }
  const ms = performance.now() - started;
  await consumer.disconnect();
  return { ms, records: read, values: { bytes } };
};

/** eachBatch of its interface that is kafkajs's. */
export const confluent: Client = async ({ broker, topic, partitions, records, atMost, peers }) => {
  const { KafkaJS } = await load<Confluent>(peers, "@confluentinc/kafka-javascript");
  const kafka = new KafkaJS.Kafka({ kafkaJS: { brokers: [broker], logLevel: 0 } });
  const consumer = kafka.consumer({
    kafkaJS: { groupId: `confluent-${process.pid}-${groups++}`, fromBeginning: true },
    "js.consumer.max.batch.size": -1,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic] });
  const end = Math.min(records, atMost);
  let started = 0;
  let read = 0;
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        partitionsConsumedConcurrently: partitions,
        eachBatch: async ({
          batch,
        }: {
          batch: { readonly messages: readonly { readonly value: Buffer }[] };
        }) => {
          started ||= performance.now();
          for (const { value } of batch.messages) bytes += value.length;
          read += batch.messages.length;
          if (read >= end) resolve();
        },
      })
      .catch(reject);
  });
  const ms = performance.now() - started;
  await consumer.disconnect();
  return { ms, records: read, values: { bytes } };
};
