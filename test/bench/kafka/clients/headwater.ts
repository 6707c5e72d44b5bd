import {
  type KafkaDeserializer,
  kafkaBytes,
  kafkaJson,
  kafkaSource,
  kafkaString,
} from "../../../../src/connectors/kafka/index.js";
import { noWatermarks, type Sink } from "../../../../src/index.js";
import { timedJob } from "../../jobs/timed-job.js";
import type { Client } from "./client.js";
import { SteadyWindow } from "./steady-window.js";

/** Parallelism 1, as each of the others is one consumer; a checkpoint each second commits offsets. */
function reading<T>(deserializer: () => KafkaDeserializer<T>, use: (value: T) => unknown): Client {
  return async ({ broker, topic, records }) => {
    const source = kafkaSource<T>({
      brokers: [broker],
      topics: topic,
      groupId: "headwater-bench",
      stopAt: "latest",
      deserializer: deserializer(),
    });
    const window = new SteadyWindow(records);
    const whole = await timedJob(source, noWatermarks<T>(), use, { sink: countingSink(window) });
    return { ...window.measured(whole.values), whole };
  };
}

function countingSink(window: SteadyWindow): Sink<unknown> {
  const write = (chunk: { readonly length: number }): void => void window.add(chunk.length);
  return { name: "counting", createWriter: () => ({ write }) };
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
