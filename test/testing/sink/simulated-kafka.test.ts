import { beforeAll } from "vitest";
import { RecordCodecs } from "../../../src/connectors/kafka/records/index.js";
import { createKafkaSink } from "../../../src/connectors/kafka/sink/index.js";
import type { Clock } from "../../../src/mailbox/index.js";
import { testSink } from "../../../src/testing/index.js";
import { SimulatedKafka } from "../../support/kafka/simulated-kafka.js";

// Native modules come from the disk, which virtual time does not wait for.
beforeAll(() => RecordCodecs.load());

function topicOf({ clock }: { readonly clock: Clock }) {
  const kafka = new SimulatedKafka({ clock }).createTopic("out", 3);
  return { kafka, visible: () => kafka.committedTexts("out").flat().map(Number) };
}

for (const delivery of ["exactly-once", "at-least-once"] as const) {
  testSink(`kafkaSink into a simulated cluster, ${delivery}`, {
    time: "virtual",
    delivery,
    record: (n) => n,
    lacks: { backPressure: "a cluster always takes something" },
    externalSystem: { create: topicOf },
    sink: ({ kafka }) =>
      createKafkaSink<number>(
        {
          topic: "out",
          serializer: "json",
          delivery,
          ...(delivery === "exactly-once" ? { transactionalIdPrefix: "suite" } : {}),
        },
        kafka,
      ),
  });
}
