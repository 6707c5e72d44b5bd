import type { SimpleVersionedSerializer, SourceSplit } from "../../../api/source-split.js";
import { HeadwaterError, illegalArgument, messageOf } from "../../../errors/index.js";
import type { TopicPartition } from "../client/kafka-client.js";
import { JavaDataReader, JavaDataWriter } from "./java-data.js";

/** In place of an offset: the end of the partition when its reader first asks. */
export const LATEST_OFFSET = -1;
/** In place of an offset: the first record that is there when its reader first asks. */
export const EARLIEST_OFFSET = -2;
/** In place of an offset: what the group has committed when its reader first asks. */
export const COMMITTED_OFFSET = -3;

/** How Flink writes that a partition is read without end, and that an old state knew no offset. */
const LONG_MIN = -(2n ** 63n);

/** A partition of a topic from where to read on (Flink `KafkaPartitionSplit`). */
export interface KafkaPartitionSplit extends SourceSplit, TopicPartition {
  /** The next offset to read, or one of the markers. */
  readonly startingOffset: number;
  /** One behind the last offset to read, LATEST_OFFSET or COMMITTED_OFFSET; undefined: no end. */
  readonly stoppingOffset: number | undefined;
}

/** The id of a partition's split: such as "orders-3". */
export function toSplitId({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** A split; throws ILLEGAL_ARGUMENT for an offset that is neither one nor a marker. */
export function kafkaPartitionSplit(
  { topic, partition }: TopicPartition,
  startingOffset: number,
  stoppingOffset?: number,
): KafkaPartitionSplit {
  if (!Number.isSafeInteger(startingOffset) || startingOffset < COMMITTED_OFFSET) {
    throw illegalOffset("starting", startingOffset, { topic, partition });
  }
  if (
    stoppingOffset !== undefined &&
    (!Number.isSafeInteger(stoppingOffset) ||
      stoppingOffset < COMMITTED_OFFSET ||
      stoppingOffset === EARLIEST_OFFSET)
  ) {
    throw illegalOffset("stopping", stoppingOffset, { topic, partition });
  }
  const splitId = toSplitId({ topic, partition });
  return { splitId, topic, partition, startingOffset, stoppingOffset };
}

/** How far one split has been read (Flink `KafkaPartitionSplitState`); the reader moves it. */
export class KafkaPartitionSplitState {
  readonly split: KafkaPartitionSplit;
  /** The next offset to read; a marker until the first position is known. */
  currentOffset: number;
  /** As the split's; a marker until it is known. */
  stoppingOffset: number | undefined;

  constructor(split: KafkaPartitionSplit) {
    this.split = split;
    this.currentOffset = split.startingOffset;
    this.stoppingOffset = split.stoppingOffset;
  }

  /** The split that reads on from here. */
  toSplit(): KafkaPartitionSplit {
    return {
      ...this.split,
      startingOffset: this.currentOffset,
      stoppingOffset: this.stoppingOffset,
    };
  }
}

/**
 * The bytes of Flink's `KafkaPartitionSplitSerializer`, version 0: topic, partition, starting and
 * stopping offset; they carry all that a split has.
 *
 * Throws CHECKPOINT_VERSION_UNSUPPORTED for another version, SERIALIZER_FAILED for damaged bytes.
 */
export const kafkaSplitSerializer: SimpleVersionedSerializer<KafkaPartitionSplit> = {
  version: 0,
  serialize({ topic, partition, startingOffset, stoppingOffset }) {
    const out = new JavaDataWriter();
    out.text(topic);
    out.int(partition);
    out.long(startingOffset);
    out.long(stoppingOffset ?? LONG_MIN);
    return out.toBytes();
  },
  deserialize(version, bytes) {
    if (version !== 0) throw unsupportedVersion("kafka split", version, 0);
    return readDamaged("kafka split", () => {
      const input = new JavaDataReader(bytes);
      const topic = input.text();
      const partition = input.int();
      if (partition < 0) throw illegalArgument(`there is no partition ${partition}`);
      const start = input.long();
      const stop = input.long();
      input.end();
      return kafkaPartitionSplit(
        { topic, partition },
        Number(start),
        stop === LONG_MIN ? undefined : Number(stop),
      );
    });
  },
};

/** Runs `read`; what it throws becomes SERIALIZER_FAILED. */
export function readDamaged<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const reason = messageOf(cause);
    throw new HeadwaterError("SERIALIZER_FAILED", `${name} cannot be read: ${reason}`, {
      domain: "external",
      retry: "never",
      scope: "job",
      hint: "The checkpoint is damaged or belongs to another source; restore from another one.",
      cause,
    });
  }
}

/** The error for a version that this release does not know. */
export function unsupportedVersion(name: string, written: number, known: number): HeadwaterError {
  return new HeadwaterError(
    "CHECKPOINT_VERSION_UNSUPPORTED",
    `${name} has version ${written}; this release reads ${known}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Restore with the release that wrote the checkpoint.",
    },
  );
}

function illegalOffset(which: string, offset: number, partition: TopicPartition): HeadwaterError {
  return illegalArgument(
    `${offset} is no ${which} offset for ${toSplitId(partition)}: expected a whole number ≥ 0 or a marker`,
  );
}
