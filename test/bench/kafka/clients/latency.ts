import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";
import { kafkaSource, kafkaString } from "../../../../src/connectors/kafka/index.js";
import { defineJob, forEachSink, map } from "../../../../src/index.js";
import type { Client, ReadTask } from "./client.js";

const PER_SECOND = 20_000;
const TICK_MS = 5;
/** So long both readers have to be at the end of the topic. */
const SETTLE_MS = 2000;
/** After the last record was sent. */
const LONGEST_MS = 10_000;

let groups = 0;

/** Something that reads the topic from its end and notes how late each record is. */
interface Reader {
  readonly late: number[];
  close(): Promise<void>;
}

/** Milliseconds, the same in every process of the machine. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A job with a checkpoint each second. */
async function jobReader({ broker, topic }: ReadTask): Promise<Reader> {
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
      .sinkTo(forEachSink((sent) => void late.push(now() - sent)));
  });
  const handle = await job.run({ checkpoint: { interval: "1s" } });
  return {
    late,
    close: async () => {
      await handle.cancel();
    },
  };
}

async function kafkajsReader({ broker, topic, partitions }: ReadTask): Promise<Reader> {
  const late: number[] = [];
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `latency-${process.pid}-${groups++}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: false });
  const joined = new Promise<void>((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, () => resolve());
  });
  await consumer.run({
    partitionsConsumedConcurrently: partitions,
    eachBatch: async ({ batch }) => {
      for (const { value } of batch.messages) late.push(now() - Number(value?.toString()));
    },
  });
  await joined;
  return { late, close: () => consumer.disconnect() };
}

/** Sends 20,000 records a second; gives how long each send took. */
async function produce({ broker, topic, atMost }: ReadTask): Promise<number[]> {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  await setTimeout(SETTLE_MS);
  const took: number[] = [];
  const started = performance.now();
  let sent = 0;
  while (sent < atMost) {
    const due = Math.min(atMost, Math.floor(((performance.now() - started) / 1000) * PER_SECOND));
    if (due > sent) {
      const value = String(now());
      const messages = Array.from({ length: due - sent }, () => ({ value }));
      sent = due;
      const before = performance.now();
      await producer.send({ topic, messages });
      took.push(performance.now() - before);
    }
    await setTimeout(TICK_MS);
  }
  await producer.disconnect();
  return took;
}

async function untilAllAreRead(readers: readonly Reader[], records: number): Promise<void> {
  const deadline = performance.now() + LONGEST_MS;
  while (readers.some(({ late }) => late.length < records)) {
    if (performance.now() > deadline) {
      const read = readers.map(({ late }) => late.length).join(" and ");
      throw new Error(`${read} of ${records} records came within ${LONGEST_MS} ms`);
    }
    await setTimeout(TICK_MS);
  }
}

function share(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
}

/** From a producer's call to the sink, while 20,000 records a second come and checkpoints are taken. */
export const latency: Client = async (task) => {
  const reader = await jobReader(task);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const started = performance.now();
  const sends = await produce(task);
  await untilAllAreRead([reader], task.atMost);
  const ms = performance.now() - started;
  loop.disable();
  await reader.close();
  return {
    ms,
    values: {
      p50Ms: share(reader.late, 0.5),
      p99Ms: share(reader.late, 0.99),
      sendP99Ms: share(sends, 0.99),
      loopP99Ms: loop.percentile(99) / 1e6,
    },
  };
};

/** The same records read by a job and by kafkajs at the same time: what is late in both is not the job's. */
export const latencyOfBoth: Client = async (task) => {
  const readers = [await jobReader(task), await kafkajsReader(task)] as const;
  const started = performance.now();
  await produce(task);
  await untilAllAreRead(readers, task.atMost);
  const ms = performance.now() - started;
  for (const reader of readers) await reader.close();
  const [job, kafkajs] = readers;
  return { ms, values: { p99Ms: share(job.late, 0.99), kafkajsP99Ms: share(kafkajs.late, 0.99) } };
};
