import { performance } from "node:perf_hooks";
import { Kafka, logLevel } from "kafkajs";
import { kafkaSink } from "../../../../src/connectors/kafka/index.js";
import { noWatermarks, numberSequenceSource, type Sink } from "../../../../src/index.js";
import { timedJob } from "../../jobs/timed-job.js";
import { payloads } from "../payloads.js";
import type { Client } from "./client.js";

/** Messages a send. */
const AT_ONCE = 4000;
/** Sends that are under way at a time. */
const SENDS = 2;

/** A whole job that writes so many texts, with a checkpoint each second, until the last commit. */
function writing(
  delivery: () => { readonly delivery: "at-least-once" | "exactly-once" } & {
    readonly transactionalIdPrefix?: string;
  },
): Client {
  return ({ broker, topic, records }) => {
    const values = payloads(100);
    return timedJob(
      numberSequenceSource({ from: 1, to: records }),
      noWatermarks<number>(),
      (n) => values[n % values.length] as string,
      {
        sink: kafkaSink<string>({
          brokers: [broker],
          topic,
          serializer: "string",
          ...delivery(),
        }) as Sink<unknown>,
      },
    );
  };
}

export const sinkExactlyOnce = writing(() => ({
  delivery: "exactly-once",
  transactionalIdPrefix: `bench-${process.pid}-${performance.now()}`,
}));
export const sinkAtLeastOnce = writing(() => ({ delivery: "at-least-once" }));

/** Connecting is not counted. It writes at least once: a lost answer makes it write again. */
export const kafkajsProducer: Client = async ({ broker, topic, atMost }) => {
  const values = payloads(100);
  const producer = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  const started = performance.now();
  let sent = 0;
  const sendAll = async (): Promise<void> => {
    while (sent < atMost) {
      const from = sent;
      sent += AT_ONCE;
      const messages = Array.from({ length: AT_ONCE }, (_, i) => ({
        value: values[(from + i) % values.length] as string,
      }));
      await producer.send({ topic, messages, acks: -1 });
    }
  };
  await Promise.all(Array.from({ length: SENDS }, sendAll));
  const ms = performance.now() - started;
  await producer.disconnect();
  return { ms, records: sent };
};
