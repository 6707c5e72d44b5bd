import {
  type KafkaDeserializer,
  kafkaBytes,
  kafkaJson,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { noWatermarks } from "../../../../src/index.js";
import { timedJob } from "../../jobs/timed-job.js";
import type { Client } from "./client.js";

/** Parallelism 1, as each of the others is one consumer; a checkpoint each second commits offsets. */
function reading<T>(deserializer: () => KafkaDeserializer<T>, use: (value: T) => unknown): Client {
  return ({ broker, topic }) =>
    timedJob(
      kafkaSource<T>({
        brokers: [broker],
        topics: topic,
        groupId: "headwater-bench",
        stopAt: "latest",
        deserializer: deserializer(),
      }),
      noWatermarks<T>(),
      use,
    );
}

export const headwaterLengths = reading<number>(
  () => ({ deserialize: ({ value }, collect) => collect(value?.length ?? 0) }),
  (length) => length,
);
export const headwaterBytes = reading(kafkaBytes, (bytes) => bytes.length);
export const headwaterText = reading(kafkaString, (text) => text.length);
export const headwaterJson = reading(
  () => kafkaJson<{ readonly price: number }>(),
  ({ price }) => price,
);
