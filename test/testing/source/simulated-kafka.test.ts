import { beforeAll } from "vitest";
import { kafkaJson, kafkaSource } from "../../../src/connectors/kafka/index.js";
import { RecordCodecs } from "../../../src/connectors/kafka/records/index.js";
import { testSource } from "../../../src/testing/index.js";
import type { SystemNeed } from "../../../src/testing/source/tested-source.js";
import { SimulatedKafka } from "../../support/kafka/simulated-kafka.js";
import { numbered } from "./numbered.js";

// Native modules come from the disk, which virtual time does not wait for.
beforeAll(() => RecordCodecs.load());

/** A topic with a partition for each split. */
function topicOf({ splits, records, clock }: SystemNeed) {
  const kafka = new SimulatedKafka({ clock }).createTopic("t", splits);
  const take = numbered();
  const written: number[] = [];
  const write = (partition: number, count: number): void => {
    const numbers = take(count);
    if (count > 0) kafka.append("t", partition, numbers.map(String));
    written.push(...numbers);
  };
  for (let i = 0; i < splits; i++) write(i, records);
  return {
    kafka,
    write,
    expected: () => written,
    addSplit: (count: number) => {
      const partition = kafka.partitions("t").length;
      kafka.createPartitions("t", partition + 1);
      write(partition, count);
    },
  };
}

const settings = { topics: "t", deserializer: kafkaJson<number>(), maxWait: 20 };

testSource("kafkaSource of a simulated cluster", {
  time: "virtual",
  unbounded: true,
  externalSystem: { create: topicOf },
  source: ({ kafka }) =>
    kafkaSource<number>({ ...settings, clients: kafka, discoveryInterval: 50 }),
});

testSource("kafkaSource of a simulated cluster, up to the latest offsets", {
  time: "virtual",
  externalSystem: { create: topicOf },
  source: ({ kafka }) => kafkaSource<number>({ ...settings, clients: kafka, stopAt: "latest" }),
});
