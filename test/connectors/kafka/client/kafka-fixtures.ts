import { Kafka, logLevel } from "kafkajs";
import { afterEach, vi } from "vitest";
import {
  type KafkaConnectionOptions,
  kafkaClients,
} from "../../../../src/connectors/kafka/client/index.js";
import type {
  KafkaClient,
  ProducedPartition,
} from "../../../../src/connectors/kafka/client/kafka-client.js";
import {
  RecordBatchBuilder,
  RecordCodecs,
} from "../../../../src/connectors/kafka/records/index.js";
import { untilLed } from "../integration/kafka-topics.js";

// Brokers and tools are processes of their own: a busy machine gives them little.
vi.setConfig({ testTimeout: 240_000 });

let topics = 0;

/** A name that no other test file has: the broker is shared. */
export function uniqueName(what: string): string {
  return `client-${what}-${process.pid}-${topics++}`;
}

interface TopicShape {
  readonly partitions?: number;
  /** The brokers of each partition, its leader first. */
  readonly brokers?: readonly (readonly number[])[];
}

/** Makes a topic and gives its name. */
export async function makeTopic(bootstrap: string, shape: TopicShape = {}): Promise<string> {
  const topic = uniqueName("topic");
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const { partitions = 1, brokers } = shape;
  const placed = brokers?.map((replicas, partition) => ({ partition, replicas: [...replicas] }));
  await admin.createTopics({
    waitForLeaders: false,
    topics: [
      placed === undefined
        ? { topic, numPartitions: partitions }
        : { topic, numPartitions: -1, replicationFactor: -1, replicaAssignment: placed },
    ],
  });
  await admin.disconnect();
  await untilLed(bootstrap, topic, brokers?.length ?? partitions);
  return topic;
}

/** Clients that are closed after each test. */
export function useClients(): (options: KafkaConnectionOptions) => Promise<KafkaClient> {
  const open: KafkaClient[] = [];
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close();
  });
  return async (options) => {
    const client = await kafkaClients(options).create("test");
    open.push(client);
    return client;
  };
}

interface BatchOptions {
  readonly timestamp?: number;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly isTransactional?: boolean;
  readonly sequence?: number;
}

const codecs = await RecordCodecs.load();

/** A record batch of these values, of this moment: with old ones a broker begins new log segments. */
export function batch(values: readonly string[], options: BatchOptions = {}): Buffer {
  const { timestamp = Date.now(), sequence = 0, ...rest } = options;
  const builder = new RecordBatchBuilder({ codecs, ...rest });
  for (const value of values) builder.append(null, value, undefined, timestamp);
  return rest.producerId === undefined ? builder.build() : builder.build(sequence);
}

/** Writes a batch to a partition at its leader. */
export async function write(
  client: KafkaClient,
  topic: string,
  partition: number,
  records: Buffer,
  transactionalId?: string,
): Promise<ProducedPartition> {
  const leader = await client.leaderOf({ topic, partition });
  const [answer] = await client.produce(leader ?? -1, {
    acks: -1,
    timeout: 5000,
    transactionalId,
    partitions: [{ topic, partition, records }],
  });
  if (answer === undefined) throw new Error("no answer");
  return answer;
}
