import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KafkaBroker } from "../../support/kafka/kafka-broker.js";
import { payloads } from "./payloads.js";
import type { FilledTopic } from "./rows.js";

export const PARTITIONS = 4;

export async function createTopic(broker: KafkaBroker, name: string): Promise<void> {
  await broker.runTool("org.apache.kafka.tools.TopicCommand", [
    "--bootstrap-server",
    broker.bootstrap,
    "--create",
    "--topic",
    name,
    "--partitions",
    String(PARTITIONS),
  ]);
}

/** Kafka's own producer writes, in batches of 64 KiB. */
export async function fillTopic(
  broker: KafkaBroker,
  { name, bytes, compression, records }: FilledTopic,
  directory: string,
): Promise<void> {
  await createTopic(broker, name);
  const file = join(directory, `values-${bytes}.txt`);
  if (!existsSync(file)) writeFileSync(file, payloads(bytes).join("\n"));
  await broker.runTool("org.apache.kafka.tools.ProducerPerformance", [
    "--topic",
    name,
    "--num-records",
    String(records),
    "--throughput",
    "-1",
    "--payload-file",
    file,
    "--producer-props",
    `bootstrap.servers=${broker.bootstrap}`,
    `compression.type=${compression}`,
    "batch.size=65536",
    "linger.ms=20",
    "acks=all",
  ]);
}
