import type { Boundedness } from "../../../api/boundedness.js";
import type { RecordEvaluator } from "../../../api/split-reader.js";
import type { DurationInput } from "../../../api/watermark.js";
import type { KafkaConnectionOptions } from "../client/connection-options.js";
import type { IsolationLevel, KafkaClientFactory, TopicPartition } from "../client/kafka-client.js";
import type { KafkaDeserializer } from "./deserialization.js";
import type { KafkaStartPosition, KafkaStopPosition } from "./kafka-positions.js";
import type { OffsetResetStrategy, OffsetsInitializer } from "./offsets-initializer.js";
import type { KafkaSubscriber } from "./subscriber.js";

/** What happens when the offset to read is no longer in the partition, or not yet. */
export type OutOfRangePolicy = "fail" | "earliest" | "latest";

/** What a Kafka source reads, from where to where, and how. */
export interface KafkaSourceSettings<T> {
  /** All partitions of these topics; one of topics, pattern, partitions and subscriber. */
  readonly topics?: string | readonly string[];
  /** All topics whose name it finds, as `RegExp.test` does: also those that are created later. */
  readonly pattern?: RegExp;
  readonly partitions?: readonly TopicPartition[];
  readonly subscriber?: KafkaSubscriber;
  /** Turns what is in Kafka into records. */
  readonly deserializer: KafkaDeserializer<T>;
  /** Default "earliest"; a restored job goes on where it was. */
  readonly startFrom?: KafkaStartPosition;
  /** Makes the source bounded: it ends when all partitions are read up to here. */
  readonly stopAt?: KafkaStopPosition;
  /** Partitions are read up to here, and the source stays unbounded. */
  readonly unboundedUntil?: KafkaStopPosition;
  /** Ends a partition at the first record for which it says true; that record is left out. */
  readonly endOfInput?: RecordEvaluator<T>;
  /** The group whose offsets are read and committed; readers are no members of it. */
  readonly groupId?: string;
  /** Commit what a checkpoint covers when it is complete. Default: true with a groupId. */
  readonly commitOffsetsOnCheckpoint?: boolean;
  /** Commit this often, whether or not there are checkpoints; not with commitOffsetsOnCheckpoint. */
  readonly autoCommitInterval?: DurationInput;
  /** How often to look for new topics and partitions; 0 or less: once. Default 5 min, bounded 0. */
  readonly discoveryInterval?: DurationInput;
  /** Default "read_committed": records of open and aborted transactions are not seen. */
  readonly isolation?: IsolationLevel;
  /** Default "fail": the job fails, with the partition and the offsets. */
  readonly outOfRange?: OutOfRangePolicy;
  /** How long a broker waits for records, at most; default 500 ms. */
  readonly maxWait?: DurationInput;
  /** Bytes of one answer of a broker, about; default 50 MiB. */
  readonly maxBytes?: number;
  /** Bytes of one partition in an answer, about; default 1 MiB. */
  readonly maxPartitionBytes?: number;
  /** Default true: each batch's CRC-32C is checked. */
  readonly checkCrcs?: boolean;
}

/** What `kafkaSource` takes: a cluster, or `clients` that lead to one. */
export type KafkaSourceOptions<T> = KafkaSourceSettings<T> &
  (
    | (KafkaConnectionOptions & { readonly clients?: undefined })
    | ({ readonly clients: KafkaClientFactory } & {
        readonly [K in keyof KafkaConnectionOptions]?: undefined;
      })
  );

/** What a reader needs to know; defaults filled in, times in milliseconds. */
export interface KafkaReaderOptions<T> {
  readonly clients: KafkaClientFactory;
  readonly deserializer: KafkaDeserializer<T>;
  readonly isolation: IsolationLevel;
  readonly outOfRange: OutOfRangePolicy;
  /** For a split at COMMITTED_OFFSET whose group has committed nothing. */
  readonly committedReset: OffsetResetStrategy;
  readonly groupId: string | undefined;
  readonly commitOffsetsOnCheckpoint: boolean;
  readonly autoCommitInterval: number | undefined;
  readonly maxWait: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  readonly checkCrcs: boolean;
  readonly evaluator: RecordEvaluator<T> | undefined;
}

/** What an enumerator needs to know. */
export interface KafkaEnumeratorOptions {
  readonly clients: KafkaClientFactory;
  readonly subscriber: KafkaSubscriber;
  readonly startingOffsets: OffsetsInitializer;
  readonly stoppingOffsets: OffsetsInitializer;
  readonly groupId: string | undefined;
  readonly isolation: IsolationLevel;
  /** Milliseconds; 0: once. */
  readonly discoveryInterval: number;
  readonly boundedness: Boundedness;
}
