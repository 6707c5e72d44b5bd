import type { Source } from "../../../api/source.js";
import { kafkaClients } from "../client/kafka-clients.js";
import { KafkaEnumerator } from "./kafka-enumerator.js";
import {
  type KafkaEnumeratorState,
  kafkaEnumeratorStateSerializer,
} from "./kafka-enumerator-state.js";
import type { KafkaSourceOptions } from "./kafka-source-options.js";
import { createKafkaSourceReader } from "./kafka-source-reader.js";
import { type KafkaPartitionSplit, kafkaSplitSerializer } from "./kafka-split.js";
import { parseKafkaSource } from "./parse-kafka-source.js";

/**
 * A source of the records of Kafka topics (Flink `KafkaSource`); unbounded unless it has `stopAt`.
 *
 * A split is a partition. Throws OPTION_INVALID here; when it runs DRIVER_MISSING,
 * CONNECTION_FAILED, KAFKA_AUTHENTICATION_FAILED, KAFKA_REQUEST_FAILED and LIMIT_EXCEEDED fail the job.
 */
export function kafkaSource<T>(
  options: KafkaSourceOptions<T>,
): Source<T, KafkaPartitionSplit, KafkaEnumeratorState> {
  const { reader, enumerator } = parseKafkaSource(options, kafkaClients);
  return {
    name: `Kafka ${enumerator.subscriber.description}`,
    boundedness: enumerator.boundedness,
    splitSerializer: kafkaSplitSerializer,
    enumeratorCheckpointSerializer: kafkaEnumeratorStateSerializer,
    createReader: (context) => createKafkaSourceReader(context, reader),
    createEnumerator: (context) => new KafkaEnumerator(context, enumerator),
    restoreEnumerator: (context, checkpoint) =>
      new KafkaEnumerator(context, enumerator, checkpoint),
  };
}
