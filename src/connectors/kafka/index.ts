export type {
  FetchedPartition,
  FetchRequest,
  IsolationLevel,
  KafkaClient,
  KafkaClientFactory,
  KafkaConnectionOptions,
  KafkaErrorName,
  KafkaRetryOptions,
  KafkaSasl,
  OffsetAnswer,
  OffsetQuery,
  ProducedPartition,
  ProducePartition,
  ProduceRequest,
  ProducerIdentity,
  TopicPartition,
  TransactionalProducer,
} from "./client/index.js";
export { kafkaClients } from "./client/index.js";
export { type KafkaSinkOptions, kafkaSink } from "./kafka-sink.js";
export {
  type AbortedTransaction,
  COMPRESSION_TYPES,
  type CompressionType,
  murmur2,
  partitionForKey,
  type RecordHeader,
} from "./records/index.js";
export { type KafkaRegistryOptions, kafkaRegistry } from "./registry/kafka-registry.js";
export type { RegistryAuth } from "./registry/registry-options.js";
export {
  type RegistrySerializerOptions,
  registrySerializer,
} from "./registry/registry-serializer.js";
export type {
  CustomPartitioner,
  FieldSerializer,
  KafkaField,
  KafkaPartitioner,
  KafkaRecordSerializer,
} from "./sink/index.js";
export type { OpenedFieldSerializer } from "./sink/record-serializer.js";
export {
  type JsonCheck,
  type KafkaDeserializer,
  type KafkaFieldDeserializer,
  type KafkaKeyedOptions,
  type KafkaKeyedRecord,
  type KafkaSourceRecord,
  kafkaBytes,
  kafkaJson,
  kafkaKeyed,
  kafkaString,
  type StandardSchema,
} from "./source/deserialization.js";
export type { KafkaEnumeratorState } from "./source/kafka-enumerator-state.js";
export type { KafkaStartPosition, KafkaStopPosition } from "./source/kafka-positions.js";
export { kafkaSource } from "./source/kafka-source.js";
export type {
  KafkaSourceOptions,
  KafkaSourceSettings,
  OutOfRangePolicy,
} from "./source/kafka-source-options.js";
export type { KafkaPartitionSplit } from "./source/kafka-split.js";
export type { OffsetResetStrategy, TopicPartitionOffset } from "./source/offsets-initializer.js";
export type { KafkaSubscriber } from "./source/subscriber.js";
