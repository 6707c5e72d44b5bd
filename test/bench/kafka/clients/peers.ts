import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { peerDirectory } from "../peers-directory.js";
import type { Client } from "./client.js";
import { SteadyWindow } from "./steady-window.js";

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

async function load<T>(name: string): Promise<T> {
  const path = createRequire(join(peerDirectory(name), "package.json")).resolve(name);
  const loaded = (await import(pathToFileURL(path).href)) as T & { readonly default?: T };
  return loaded.default ?? loaded;
}

/** A stream of messages, as its documentation shows it. */
export const platformatic: Client = async ({ broker, topic, records, atMost }) => {
  const { Consumer } = await load<PlatformaticKafka>("@platformatic/kafka");
  const consumer = new Consumer({
    clientId: "bench",
    groupId: `platformatic-${process.pid}-${groups++}`,
    bootstrapBrokers: [broker],
  });
  const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false });
  const window = new SteadyWindow(Math.min(records, atMost));
  let bytes = 0;
  for await (const { value } of stream) {
    bytes += value.length;
    if (window.add(1)) break;
  }
  await consumer.close(true);
  return window.measured({ bytes });
};

/** Batches of 1,000, the most that it gives. */
export const crab: Client = async ({ broker, topic, records, atMost }) => {
  const { KafkaClient } = await load<KafkaCrab>("kafka-crab-js");
  const client = new KafkaClient({ brokers: broker, clientId: "bench" });
  const consumer = client.createConsumer({
    groupId: `crab-${process.pid}-${groups++}`,
    enableAutoCommit: false,
    configuration: { "auto.offset.reset": "earliest", "isolation.level": "read_committed" },
  });
  await consumer.subscribe([{ topic, allOffsets: { position: "Beginning" } }]);
  const window = new SteadyWindow(Math.min(records, atMost));
  let bytes = 0;
  for (let isEnough = false; !isEnough; ) {
    const batch = await consumer.recvBatch(1000, 500);
    for (const { payload } of batch) bytes += payload.length;
    isEnough = window.add(batch.length);
  }
  await consumer.disconnect();
  return window.measured({ bytes });
};

/** eachBatch of its interface that is kafkajs's. */
export const confluent: Client = async ({ broker, topic, partitions, records, atMost }) => {
  const { KafkaJS } = await load<Confluent>("@confluentinc/kafka-javascript");
  const kafka = new KafkaJS.Kafka({ kafkaJS: { brokers: [broker], logLevel: 0 } });
  const consumer = kafka.consumer({
    kafkaJS: { groupId: `confluent-${process.pid}-${groups++}`, fromBeginning: true },
    "js.consumer.max.batch.size": -1,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic] });
  const window = new SteadyWindow(Math.min(records, atMost));
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
          for (const { value } of batch.messages) bytes += value.length;
          if (window.add(batch.messages.length)) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return window.measured({ bytes });
};
