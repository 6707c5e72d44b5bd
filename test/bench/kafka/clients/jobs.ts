import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { kafkaSource, kafkaString } from "../../../../src/connectors/kafka/index.js";
import { defineJob, discardSink } from "../../../../src/index.js";
import type { Client } from "./client.js";

const IDLE_MS = 5000;
/** About 50,000 records a second: even a tenth of the topic lasts longer than the measurement. */
const CHUNK_MS = 20;

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

/** Reads ahead of a sink that takes 20 ms a chunk; what the memory grows by, after a while. */
export const slowSink: Client = async ({ broker, topic, records }) => {
  let written = 0;
  const job = defineJob("slow", (env) => {
    const options = { brokers: [broker], topics: topic } as const;
    env.fromSource(kafkaSource<string>({ ...options, deserializer: kafkaString() })).sinkTo({
      name: "slow",
      createWriter: () => ({
        write: (chunk) => {
          written += chunk.length;
          return setTimeout(CHUNK_MS);
        },
      }),
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
  if (written === 0 || written >= records) {
    throw new Error(`the sink took ${written} of ${records} records: nothing waited for it`);
  }
  return { ms, records: 0, values: { grownMB: (highest - before) / 1e6, rssMB: highest / 1e6 } };
};
