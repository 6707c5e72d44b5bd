import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";
import { kafkaSink, kafkaSource, kafkaString } from "../../../../src/connectors/kafka/index.js";
import {
  defineJob,
  discardSink,
  forEachSink,
  map,
  noWatermarks,
  numberSequenceSource,
  type Sink,
} from "../../../../src/index.js";
import { timedJob } from "../../jobs/timed-job.js";
import { payloads } from "../payloads.js";
import type { Client } from "./client.js";

const AT_ONCE = 1000;
const IDLE_MS = 5000;
const PER_SECOND = 20_000;
const TICK_MS = 5;

/** Writes the records into the topic, exactly once, with a checkpoint each second. */
export const sinkExactlyOnce: Client = ({ broker, topic, atMost }) => {
  const values = payloads(100);
  return timedJob(
    numberSequenceSource({ from: 1, to: atMost }),
    noWatermarks<number>(),
    (n) => values[n % values.length] as string,
    {
      sink: kafkaSink<string>({
        brokers: [broker],
        topic,
        serializer: "string",
        delivery: "exactly-once",
        transactionalIdPrefix: `bench-${process.pid}-${performance.now()}`,
      }) as Sink<unknown>,
    },
  );
};

/** As its documentation shows it: a thousand messages a send, one send after the other. */
export const kafkajsProducer: Client = async ({ broker, topic, atMost }) => {
  const values = payloads(100);
  const producer = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  const started = performance.now();
  for (let sent = 0; sent < atMost; sent += AT_ONCE) {
    const messages = Array.from({ length: AT_ONCE }, (_, i) => ({
      value: values[(sent + i) % values.length] as string,
    }));
    await producer.send({ topic, messages, acks: -1 });
  }
  const ms = performance.now() - started;
  await producer.disconnect();
  return { ms, records: atMost };
};

/** From a producer's call to the sink, while 20,000 records a second come and checkpoints are taken. */
export const latency: Client = async ({ broker, topic, atMost }) => {
  const late: number[] = [];
  const job = defineJob("latency", (env) => {
    const source = kafkaSource<string>({
      brokers: [broker],
      topics: topic,
      startFrom: "latest",
      groupId: "bench-latency",
      deserializer: kafkaString(),
    });
    env
      .fromSource(source)
      .pipe(map(Number))
      .sinkTo(
        forEachSink((sent) => void late.push(performance.timeOrigin + performance.now() - sent)),
      );
  });
  const handle = await job.run({ checkpoint: { interval: "1s" } });
  const producer = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  await setTimeout(2000);
  const started = performance.now();
  let sent = 0;
  while (sent < atMost) {
    const due = Math.min(atMost, Math.floor(((performance.now() - started) / 1000) * PER_SECOND));
    if (due > sent) {
      const value = String(performance.timeOrigin + performance.now());
      const messages = Array.from({ length: due - sent }, () => ({ value }));
      sent = due;
      await producer.send({ topic, messages });
    }
    await setTimeout(TICK_MS);
  }
  const deadline = performance.now() + 10_000;
  while (late.length < atMost && performance.now() < deadline) await setTimeout(TICK_MS);
  const ms = performance.now() - started;
  await handle.cancel();
  await producer.disconnect();
  late.sort((a, b) => a - b);
  const at = (share: number): number => late[Math.floor(late.length * share)] ?? Number.NaN;
  return { ms, records: late.length, values: { p50Ms: at(0.5), p99Ms: at(0.99) } };
};

/** A job at the end of its topic. */
export const idle: Client = async ({ broker, topic }) => {
  const job = defineJob("idle", (env) => {
    const options = { brokers: [broker], topics: topic, startFrom: "latest" } as const;
    env
      .fromSource(kafkaSource<string>({ ...options, deserializer: kafkaString() }))
      .sinkTo(discardSink());
  });
  const handle = await job.run({ checkpoint: { interval: "1s" } });
  await setTimeout(2000);
  const before = process.cpuUsage();
  const started = performance.now();
  await setTimeout(IDLE_MS);
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  await handle.cancel();
  return { ms, records: 0, values: { cpuPercent: (user + system) / 10 / ms } };
};

/** Reads ahead of a sink that takes a millisecond a chunk; what the memory grows by, after a while. */
export const slowSink: Client = async ({ broker, topic }) => {
  const job = defineJob("slow", (env) => {
    const options = { brokers: [broker], topics: topic } as const;
    env.fromSource(kafkaSource<string>({ ...options, deserializer: kafkaString() })).sinkTo({
      name: "slow",
      createWriter: () => ({ write: () => setTimeout(1) }),
    });
  });
  const handle = await job.run({ checkpoint: { interval: "1s" } });
  // What the reader may hold is there by then.
  await setTimeout(2000);
  const before = process.memoryUsage().rss;
  let highest = before;
  const started = performance.now();
  while (performance.now() - started < IDLE_MS) {
    highest = Math.max(highest, process.memoryUsage().rss);
    await setTimeout(50);
  }
  const ms = performance.now() - started;
  await handle.cancel();
  return { ms, records: 0, values: { grownMB: (highest - before) / 1e6, rssMB: highest / 1e6 } };
};
