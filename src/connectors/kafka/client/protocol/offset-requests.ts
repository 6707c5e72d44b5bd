import type {
  CommittedOffset,
  EpochEnd,
  EpochQuery,
  IsolationLevel,
  KafkaErrorName,
  OffsetAnswer,
  OffsetQuery,
  TopicPartition,
} from "../kafka-client.js";
import { errorName } from "./error-names.js";
import { type KafkaRequest, kafkaRequest, RequestKinds, throttled } from "./kafka-request.js";
import { onceByTopic } from "./topic-groups.js";
import { WireReader } from "./wire-reader.js";

const LATEST = -1;
const EARLIEST = -2;
const CONSUMER = -1;
const NO_GENERATION = -1;
const NO_MEMBER = "";

/** A partition and what went wrong with it. */
export interface PartitionError extends TopicPartition {
  readonly error: KafkaErrorName;
}

/** ListOffsets to the leader of these partitions; each partition may be asked for once. */
export function listOffsetsRequest(
  queries: readonly OffsetQuery[],
  isolation: IsolationLevel,
): KafkaRequest<readonly OffsetAnswer[]> {
  return kafkaRequest(
    RequestKinds.listOffsets,
    (to) => {
      to.int32(CONSUMER).int8(isolation === "read_committed" ? 1 : 0);
      to.array(onceByTopic(queries), ({ topic, partitions }) => {
        to.string(topic).array(partitions, ({ partition, at }) => {
          to.int32(partition).int64(at === "latest" ? LATEST : at === "earliest" ? EARLIEST : at);
        });
      });
    },
    (payload) =>
      throttled(new WireReader(payload), (from) =>
        partitionsOf(from, (tp) => {
          const error = errorName(from.int16());
          from.int64(); // the record's timestamp
          const offset = from.int64();
          return { ...tp, error, offset: error !== "NONE" || offset < 0 ? undefined : offset };
        }),
      ),
  );
}

/** OffsetForLeaderEpoch to the leader of these partitions, as a consumer. */
export function epochEndsRequest(
  queries: readonly EpochQuery[],
): KafkaRequest<readonly EpochEnd[]> {
  return kafkaRequest(
    RequestKinds.offsetForLeaderEpoch,
    (to) => {
      to.int32(CONSUMER).array(onceByTopic(queries), ({ topic, partitions }) => {
        to.string(topic).array(partitions, ({ partition, leaderEpoch, epoch }) => {
          to.int32(partition).int32(leaderEpoch).int32(epoch);
        });
      });
    },
    (payload) =>
      throttled(new WireReader(payload), (from) =>
        from
          .array(() => {
            const topic = from.string();
            return from.array(() => {
              const error = errorName(from.int16());
              const partition = from.int32();
              const epoch = from.int32();
              const endOffset = from.int64();
              const isKnown = error === "NONE" && epoch >= 0 && endOffset >= 0;
              return { topic, partition, error, endOffset: isKnown ? endOffset : undefined };
            });
          })
          .flat(),
      ),
  );
}

/** OffsetFetch to the group's coordinator. */
export function offsetFetchRequest(
  groupId: string,
  partitions: readonly TopicPartition[],
): KafkaRequest<{
  readonly error: KafkaErrorName;
  readonly offsets: readonly (CommittedOffset & PartitionError)[];
}> {
  return kafkaRequest(
    RequestKinds.offsetFetch,
    (to) => {
      to.string(groupId).array(onceByTopic(partitions), (group) => {
        to.string(group.topic).array(group.partitions, ({ partition }) => to.int32(partition));
      });
    },
    (payload) =>
      throttled(new WireReader(payload), (from) => {
        const offsets = partitionsOf(from, (tp) => {
          const offset = from.int64();
          from.nullableString(); // what the committer has noted
          return { ...tp, error: errorName(from.int16()), offset: offset < 0 ? undefined : offset };
        });
        return { error: errorName(from.int16()), offsets };
      }),
  );
}

/** OffsetCommit of a simple consumer: one that is no member of the group. */
export function offsetCommitRequest(
  groupId: string,
  offsets: readonly (TopicPartition & { readonly offset: number })[],
): KafkaRequest<readonly PartitionError[]> {
  return kafkaRequest(
    RequestKinds.offsetCommit,
    (to) => {
      to.string(groupId).int32(NO_GENERATION).string(NO_MEMBER);
      to.array(onceByTopic(offsets), ({ topic, partitions }) => {
        to.string(topic).array(partitions, ({ partition, offset }) => {
          to.int32(partition).int64(offset).string("");
        });
      });
    },
    (payload) => throttled(new WireReader(payload), partitionErrors),
  );
}

/** A response that has an error code for each partition. */
export function partitionErrors(from: WireReader): readonly PartitionError[] {
  return partitionsOf(from, (tp) => ({ ...tp, error: errorName(from.int16()) }));
}

function partitionsOf<T>(from: WireReader, read: (partition: TopicPartition) => T): T[] {
  return from
    .array(() => {
      const topic = from.string();
      return from.array(() => read({ topic, partition: from.int32() }));
    })
    .flat();
}
