import { kafkaJson, kafkaSink, kafkaSource } from "../../src/connectors/kafka/index.js";
import { testSink, testSource } from "../../src/testing/index.js";
import type { SystemNeed } from "../../src/testing/source/tested-source.js";
import { fillTopic, newTopic, readTopic } from "../connectors/kafka/integration/kafka-topics.js";
import { useSharedKafka } from "../support/kafka/shared-kafka.js";

const kafka = useSharedKafka();

interface Place {
  readonly p: number;
  readonly n: number;
}

async function topicOf({ splits: partitions, records }: SystemNeed) {
  const { bootstrap } = kafka();
  const topic = await newTopic(bootstrap, { partitions });
  await fillTopic(bootstrap, topic, { partitions, records });
  const places = Array.from(
    { length: partitions * records },
    (_, i): Place => ({ p: i % partitions, n: Math.floor(i / partitions) }),
  );
  return { topic, expected: () => places };
}

testSource("kafkaSource of a real broker", {
  splits: 2,
  records: 3,
  externalSystem: { create: topicOf },
  // Batches of 1000, of which one answer has one.
  recordsWhilePaused: 6000,
  source: ({ topic }) =>
    kafkaSource<Place>({
      brokers: kafka().bootstrap,
      topics: topic,
      deserializer: kafkaJson<Place>(),
      stopAt: "latest",
      maxWait: 20,
      maxPartitionBytes: 10_000,
    }),
});

let sinks = 0;

for (const delivery of ["exactly-once", "at-least-once"] as const) {
  testSink(`kafkaSink into a real broker, ${delivery}`, {
    delivery,
    record: (n) => n,
    records: 20,
    lacks: { backPressure: "a broker always takes something" },
    externalSystem: {
      create: async () => {
        const topic = await newTopic(kafka().bootstrap, { partitions: 2 });
        return {
          topic,
          prefix: `suite-${process.pid}-${sinks++}`,
          visible: async () =>
            (await readTopic(kafka().bootstrap, topic)).map(({ value }) => Number(value)),
        };
      },
    },
    sink: ({ topic, prefix }) =>
      kafkaSink<number>({
        brokers: kafka().bootstrap,
        topic,
        serializer: "json",
        delivery,
        ...(delivery === "exactly-once" ? { transactionalIdPrefix: prefix } : {}),
      }),
  });
}
