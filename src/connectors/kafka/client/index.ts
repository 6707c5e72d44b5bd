export {
  type KafkaConnectionOptions,
  type KafkaRetryOptions,
  type KafkaSasl,
  kafkaConnectionEntries,
} from "./connection-options.js";
export type * from "./kafka-client.js";
export { kafkaClients } from "./kafka-clients.js";
