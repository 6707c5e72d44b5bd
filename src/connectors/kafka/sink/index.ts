export { createKafkaSink } from "./kafka-sink.js";
export type { KafkaSinkOptions } from "./kafka-sink-options.js";
export type { CustomPartitioner, KafkaPartitioner } from "./partitioner.js";
export type { FieldSerializer, KafkaField, KafkaRecordSerializer } from "./record-serializer.js";
