import type { SimpleVersionedSerializer } from "../../../api/source-split.js";
import { illegalArgument } from "../../../errors/index.js";
import { JavaDataReader, JavaDataWriter } from "./java-data.js";
import {
  type KafkaPartitionSplit,
  kafkaSplitSerializer,
  readDamaged,
  unsupportedVersion,
} from "./kafka-split.js";

/** What the enumerator keeps (Flink `KafkaSourceEnumState`). */
export interface KafkaEnumeratorState {
  /** As they were when they were assigned: how far they are read is in the readers' state. */
  readonly assigned: readonly KafkaPartitionSplit[];
  readonly unassigned: readonly KafkaPartitionSplit[];
  /** True: partitions found from now on are new ones, and read from their start. */
  readonly initialDiscoveryFinished: boolean;
}

const ASSIGNED = 0;
const UNASSIGNED = 1;

/**
 * The bytes of Flink's `KafkaSourceEnumStateSerializer`, version 3.
 *
 * Throws CHECKPOINT_VERSION_UNSUPPORTED for another version, SERIALIZER_FAILED for damaged bytes.
 */
export const kafkaEnumeratorStateSerializer: SimpleVersionedSerializer<KafkaEnumeratorState> = {
  version: 3,
  serialize({ assigned, unassigned, initialDiscoveryFinished }) {
    const out = new JavaDataWriter();
    out.int(assigned.length + unassigned.length);
    out.int(kafkaSplitSerializer.version);
    for (const split of assigned) writeSplit(out, split, ASSIGNED);
    for (const split of unassigned) writeSplit(out, split, UNASSIGNED);
    out.boolean(initialDiscoveryFinished);
    return out.toBytes();
  },
  deserialize(version, bytes) {
    if (version !== 3) throw unsupportedVersion("kafka enumerator state", version, 3);
    return readDamaged("kafka enumerator state", () => readState(new JavaDataReader(bytes)));
  },
};

function writeSplit(out: JavaDataWriter, split: KafkaPartitionSplit, status: number): void {
  const bytes = kafkaSplitSerializer.serialize(split);
  out.int(bytes.length);
  out.bytes(bytes);
  out.int(status);
}

function readState(input: JavaDataReader): KafkaEnumeratorState {
  const assigned: KafkaPartitionSplit[] = [];
  const unassigned: KafkaPartitionSplit[] = [];
  const count = input.int();
  const splitVersion = input.int();
  for (let i = 0; i < count; i++) {
    const split = kafkaSplitSerializer.deserialize(splitVersion, input.bytes(input.int()));
    const status = input.int();
    if (status !== ASSIGNED && status !== UNASSIGNED) {
      throw illegalArgument(`there is no assignment status ${status}`);
    }
    (status === ASSIGNED ? assigned : unassigned).push(split);
  }
  const initialDiscoveryFinished = input.boolean();
  input.end();
  return { assigned, unassigned, initialDiscoveryFinished };
}
