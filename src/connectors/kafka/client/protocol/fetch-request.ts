import type { FetchedPartition, FetchRequest } from "../kafka-client.js";
import { errorName } from "./error-names.js";
import { type KafkaRequest, kafkaRequest, RequestKinds, throttled } from "./kafka-request.js";
import { byTopic } from "./topic-groups.js";
import { WireReader } from "./wire-reader.js";

const NO_SESSION = 0;
const FULL_FETCH = -1;
const NO_EPOCH = -1;
/** Only a replica says where its log starts. */
const NO_LOG_START = -1;
const CONSUMER = -1;

/**
 * Fetch without a session (KIP-227): the request names every partition. Version 10, not 11: there a broker
 * that leads no more answers as a follower does (KIP-392), perhaps with OFFSET_OUT_OF_RANGE.
 */
export function fetchRequest(fetch: FetchRequest): KafkaRequest<readonly FetchedPartition[]> {
  return kafkaRequest(
    RequestKinds.fetch,
    (to) => {
      to.int32(CONSUMER).int32(fetch.maxWait).int32(fetch.minBytes).int32(fetch.maxBytes);
      to.int8(fetch.isolation === "read_committed" ? 1 : 0);
      to.int32(NO_SESSION).int32(FULL_FETCH);
      to.array(byTopic(fetch.positions), ({ topic, partitions }) => {
        to.string(topic).array(partitions, ({ partition, offset, leaderEpoch, maxBytes }) => {
          to.int32(partition)
            .int32(leaderEpoch ?? NO_EPOCH)
            .int64(offset)
            .int64(NO_LOG_START)
            .int32(maxBytes);
        });
      });
      to.int32(0); // no topics of a session to forget
    },
    (payload) =>
      throttled(new WireReader(payload), (from) => {
        const error = from.int16();
        from.int32();
        const topics = from.array(() => fetchedOfTopic(from)).flat();
        if (error === 0) return topics;
        return fetch.positions.map(({ topic, partition }) => ({
          ...NOTHING,
          topic,
          partition,
          error: errorName(error),
        }));
      }),
  );
}

const NOTHING = {
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: -1,
  abortedTransactions: [],
  records: undefined,
};

function fetchedOfTopic(from: WireReader): FetchedPartition[] {
  const topic = from.string();
  return from.array(() => {
    const partition = from.int32();
    const error = errorName(from.int16());
    const highWatermark = from.int64();
    const lastStableOffset = from.int64();
    const logStartOffset = from.int64();
    const abortedTransactions = from.array(() => ({
      producerId: from.int64(),
      firstOffset: from.int64(),
    }));
    return {
      topic,
      partition,
      error,
      highWatermark,
      lastStableOffset,
      logStartOffset,
      abortedTransactions,
      records: from.nullableBytes(),
    };
  });
}
