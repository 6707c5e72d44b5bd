import { parseOptions } from "../../../options/parse-options.js";
import { type KafkaConnectionOptions, kafkaConnectionSchema } from "./connection-options.js";
import type { KafkaClientFactory } from "./kafka-client.js";
import { KafkaJsClient } from "./kafkajs-client.js";
import { loadKafkaDriver } from "./kafkajs-driver.js";

/**
 * Clients of one cluster; kafkajs is loaded with the first one, connections are made when needed.
 *
 * Throws OPTION_INVALID; `create` rejects with DRIVER_MISSING where kafkajs is not installed.
 */
export function kafkaClients(options: KafkaConnectionOptions): KafkaClientFactory {
  const settings = parseOptions("kafkaClients", kafkaConnectionSchema, options);
  return {
    create: async (name) => new KafkaJsClient(await loadKafkaDriver(), settings, name),
  };
}
