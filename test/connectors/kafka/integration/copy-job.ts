import { expect } from "vitest";
import type { KafkaClientFactory } from "../../../../src/connectors/kafka/client/kafka-client.js";
import {
  type KafkaKeyedRecord,
  type KafkaSinkOptions,
  kafkaClients,
  kafkaKeyed,
  kafkaSink,
  kafkaSource,
} from "../../../../src/connectors/kafka/index.js";
import { defineJob, type JobDefinition, map, noWatermarks } from "../../../../src/index.js";
import type { ReadRecord } from "./kafka-topics.js";

type Copied = KafkaKeyedRecord<string, string>;

/** What a job copies from topic to topic. */
export interface CopyOptions {
  readonly brokers: string;
  readonly input: string;
  readonly output: string;
  readonly sink?: Partial<KafkaSinkOptions<Copied>>;
  /** The sink's clients, in place of those for `brokers`. */
  readonly sinkClients?: KafkaClientFactory;
  /** Called with each record; may throw. */
  readonly onRecord?: () => void;
}

/** A job that copies records, keyed by the partition that each was in, and never ends by itself. */
export function copyJob(options: CopyOptions): JobDefinition {
  const { brokers, input, output, sink, onRecord } = options;
  return defineJob("copy", (env) => {
    env
      .fromSource(
        kafkaSource<Copied>({
          brokers,
          topics: input,
          deserializer: kafkaKeyed(),
          discoveryInterval: 300,
          maxPartitionBytes: 2000,
          maxWait: 50,
        }),
        noWatermarks<Copied>(),
      )
      .pipe(
        map((record: Copied) => {
          onRecord?.();
          return record;
        }),
      )
      .sinkTo(
        kafkaSink<Copied>({
          clients: options.sinkClients ?? kafkaClients({ brokers }),
          topic: output,
          serializer: { key: ({ partition }) => String(partition), value: ({ value }) => value },
          ...sink,
        } as KafkaSinkOptions<Copied>),
      );
  });
}

/** The numbers that came from each input partition, in the order in which they lie in the output. */
export function bySource(
  records: readonly ReadRecord[],
  partitions: number,
): readonly (readonly number[])[] {
  const numbers: number[][] = Array.from({ length: partitions }, () => []);
  for (const { key, value } of records) {
    const { p, n } = JSON.parse(value ?? "") as { p: number; n: number };
    expect(key).toBe(String(p));
    numbers[p]?.push(n);
  }
  return numbers;
}

/**
 * No number twice, none left out, all in order: what is there of each input partition begins with 0 and
 * goes up by one. Gives how many there are.
 */
export function expectOnceInOrder(
  records: readonly ReadRecord[],
  partitions: number,
  told = "",
): number {
  for (const [p, numbers] of bySource(records, partitions).entries()) {
    const wrong = numbers.findIndex((n, i) => n !== i);
    const near = numbers.slice(Math.max(0, wrong - 2), wrong + 3);
    expect(wrong, `${told}: of partition ${p} there is ${near} at ${wrong}`).toBe(-1);
  }
  return records.length;
}

/** None left out, and none that comes before the one before it. Gives how many different ones there are. */
export function expectAtLeastOnce(
  records: readonly ReadRecord[],
  partitions: number,
  told = "",
): number {
  let different = 0;
  for (const [p, numbers] of bySource(records, partitions).entries()) {
    let next = 0;
    for (const n of numbers) {
      expect(n, `${told}: partition ${p}`).toBeLessThanOrEqual(next);
      if (n === next) next++;
    }
    different += next;
  }
  return different;
}
