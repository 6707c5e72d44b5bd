import type { Sink } from "../../api/sink.js";
import { HeadwaterError } from "../../errors/index.js";
import {
  type KafkaClientFactory,
  type KafkaConnectionOptions,
  kafkaClients,
  kafkaConnectionEntries,
} from "./client/index.js";
import { createKafkaSink, type KafkaSinkOptions as SinkSettings } from "./sink/index.js";

/** What a Kafka sink writes, how, and where: brokers, or clients of your own. */
export type KafkaSinkOptions<T> = SinkSettings<T> &
  (
    | (KafkaConnectionOptions & { readonly clients?: never })
    | { readonly clients: KafkaClientFactory; readonly brokers?: never }
  );

/**
 * A sink into Kafka topics (Flink `KafkaSink`): at-least-once, or exactly-once by a transaction a
 * checkpoint.
 *
 * Throws OPTION_INVALID here; when it runs DRIVER_MISSING, CONNECTION_FAILED,
 * KAFKA_AUTHENTICATION_FAILED and KAFKA_REQUEST_FAILED fail the job.
 */
export function kafkaSink<T>(options: KafkaSinkOptions<T>): Sink<T> {
  const connection: Record<string, unknown> = {};
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (key in kafkaConnectionEntries) connection[key] = value;
    else if (key !== "clients") settings[key] = value;
  }
  return createKafkaSink(settings as unknown as SinkSettings<T>, clientsOf(options, connection));
}

function clientsOf<T>(
  { clients }: KafkaSinkOptions<T>,
  connection: Record<string, unknown>,
): KafkaClientFactory {
  if (clients === undefined) return kafkaClients(connection as unknown as KafkaConnectionOptions);
  const [extra] = Object.keys(connection);
  if (extra === undefined) return clients;
  throw new HeadwaterError(
    "OPTION_INVALID",
    `option kafkaSink.${extra}: clients already say how to reach the cluster`,
    { domain: "user", retry: "never", scope: "job" },
  );
}
