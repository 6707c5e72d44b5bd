import { performance } from "node:perf_hooks";
import kafkaModule from "kafkajs";
import { decompressFrameSync } from "lz4-napi";
import type { Client } from "./client.js";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkaModule;

// It brings gzip only; with the fastest LZ4 there is.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: () => {
    throw new Error("nothing is written here");
  },
  decompress: async (bytes: Buffer) => decompressFrameSync(bytes),
});

let groups = 0;

/** eachBatch, which is its fastest way. */
export const kafkajs: Client = async ({ broker, topic, partitions, records, atMost }) => {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `kafkajs-${process.pid}-${groups++}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const end = Math.min(records, atMost);
  let read = 0;
  let bytes = 0;
  // Joining its group is not counted.
  let started = 0;
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        partitionsConsumedConcurrently: partitions,
        eachBatch: async ({ batch }) => {
          started ||= performance.now();
          for (const { value } of batch.messages) bytes += value?.length ?? 0;
          read += batch.messages.length;
          if (read >= end) resolve();
        },
      })
      .catch(reject);
  });
  const ms = performance.now() - started;
  await consumer.disconnect();
  return { ms, records: read, values: { bytes } };
};
