import kafkaModule from "kafkajs";
import { decompressFrameSync } from "lz4-napi";
import type { Client } from "./client.js";
import { SteadyWindow } from "./steady-window.js";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkaModule;

// It brings gzip only; lz4-napi's asynchronous function is no faster in it.
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
  const window = new SteadyWindow(Math.min(records, atMost));
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        partitionsConsumedConcurrently: partitions,
        eachBatch: async ({ batch }) => {
          for (const { value } of batch.messages) bytes += value?.length ?? 0;
          if (window.add(batch.messages.length)) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return window.measured({ bytes });
};
