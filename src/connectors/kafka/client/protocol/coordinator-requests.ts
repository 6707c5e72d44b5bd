import type {
  KafkaErrorName,
  ProducerIdentity,
  TopicPartition,
  TransactionalProducer,
} from "../kafka-client.js";
import { errorName } from "./error-names.js";
import { type KafkaRequest, kafkaRequest, RequestKinds, throttled } from "./kafka-request.js";
import type { BrokerAddress } from "./metadata-request.js";
import { type PartitionError, partitionErrors } from "./offset-requests.js";
import { onceByTopic } from "./topic-groups.js";
import { WireReader } from "./wire-reader.js";

/** Whose coordinator: that of a group, or that of a transactional id. */
export type CoordinatorType = "group" | "transaction";

export function findCoordinatorRequest(
  type: CoordinatorType,
  id: string,
): KafkaRequest<{ readonly error: KafkaErrorName; readonly address: BrokerAddress }> {
  return kafkaRequest(
    RequestKinds.findCoordinator,
    (to) => to.string(id).int8(type === "group" ? 0 : 1),
    (payload) =>
      throttled(new WireReader(payload), (from) => {
        const error = errorName(from.int16());
        from.nullableString(); // the error's text
        from.int32(); // the node's id
        return { error, address: { host: from.string(), port: from.int32() } };
      }),
  );
}

export function initProducerIdRequest(
  transactionalId: string | undefined,
  transactionTimeout: number,
): KafkaRequest<{ readonly error: KafkaErrorName; readonly identity: ProducerIdentity }> {
  return kafkaRequest(
    RequestKinds.initProducerId,
    (to) => to.string(transactionalId).int32(transactionTimeout),
    (payload) =>
      throttled(new WireReader(payload), (from) => {
        const error = errorName(from.int16());
        return { error, identity: { producerId: from.int64(), producerEpoch: from.int16() } };
      }),
  );
}

export function addPartitionsToTxnRequest(
  { transactionalId, producerId, producerEpoch }: TransactionalProducer,
  partitions: readonly TopicPartition[],
): KafkaRequest<readonly PartitionError[]> {
  return kafkaRequest(
    RequestKinds.addPartitionsToTxn,
    (to) => {
      to.string(transactionalId).int64(producerId).int16(producerEpoch);
      to.array(onceByTopic(partitions), (group) => {
        to.string(group.topic).array(group.partitions, ({ partition }) => to.int32(partition));
      });
    },
    (payload) => throttled(new WireReader(payload), partitionErrors),
  );
}

export function endTxnRequest(
  { transactionalId, producerId, producerEpoch }: TransactionalProducer,
  commit: boolean,
): KafkaRequest<KafkaErrorName> {
  return kafkaRequest(
    RequestKinds.endTxn,
    (to) => to.string(transactionalId).int64(producerId).int16(producerEpoch).bool(commit),
    (payload) => throttled(new WireReader(payload), (from) => errorName(from.int16())),
  );
}
