import { illegalArgument } from "../../../../errors/index.js";
import type { ProducedPartition, ProduceRequest } from "../kafka-client.js";
import { errorName } from "./error-names.js";
import { type KafkaRequest, kafkaRequest, RequestKinds } from "./kafka-request.js";
import { nameOf, onceByTopic } from "./topic-groups.js";
import { WireReader } from "./wire-reader.js";

/** Bytes of a character in UTF-8. */
const MOST_BYTES = 3;
/** Bytes for the fields of a fixed length, of the request and of each partition. */
const ROOM = 32;

/** Produce with record batches as they are; the answer has every partition, in the request's order. */
export function produceRequest(
  produce: ProduceRequest,
): KafkaRequest<readonly ProducedPartition[]> {
  const names = new Set(produce.partitions.map(nameOf));
  if (names.size < produce.partitions.length) {
    throw illegalArgument("a produce request has two entries for the same partition");
  }
  return kafkaRequest(
    RequestKinds.produce,
    (to) => {
      to.reserve(sizeOf(produce));
      to.string(produce.transactionalId).int16(produce.acks).int32(produce.timeout);
      to.array(onceByTopic(produce.partitions), ({ topic, partitions }) => {
        to.string(topic).array(partitions, ({ partition, records }) => {
          to.int32(partition).bytes(records);
        });
      });
    },
    (payload) => {
      const from = new WireReader(payload);
      const answers = from.array(() => producedOfTopic(from)).flat();
      return { clientSideThrottleTime: from.int32(), body: complete(produce, answers) };
    },
    produce.acks !== 0,
  );
}

/** Not less than the request takes. */
function sizeOf({ transactionalId = "", partitions }: ProduceRequest): number {
  let size = ROOM + MOST_BYTES * transactionalId.length;
  for (const { topic, records } of partitions) {
    size += ROOM + MOST_BYTES * topic.length + records.length;
  }
  return size;
}

function producedOfTopic(from: WireReader): ProducedPartition[] {
  const topic = from.string();
  return from.array(() => {
    const partition = from.int32();
    const error = errorName(from.int16());
    const baseOffset = from.int64();
    from.int64(); // the append time
    from.int64(); // where the log starts
    return { topic, partition, error, baseOffset };
  });
}

/** A partition without an answer may or may not have been written: that is an error, never a success. */
function complete(
  { partitions }: ProduceRequest,
  answers: readonly ProducedPartition[],
): readonly ProducedPartition[] {
  const byName = new Map(answers.map((answer) => [nameOf(answer), answer]));
  return partitions.map(({ topic, partition }) => {
    const answer = byName.get(nameOf({ topic, partition }));
    return answer ?? { topic, partition, error: "UNKNOWN_SERVER_ERROR", baseOffset: -1 };
  });
}
