import { it } from "vitest";
import { newTopic } from "./kafka-topics.js";
import { through, useOwnKafka } from "./troubled-brokers.js";

const cluster = useOwnKafka(1);

it("a Kafka sink writes everything through a crash and restart of its only broker, mid-stream", async () => {
  const output = () => newTopic(cluster().bootstrap, { brokers: [[1], [1]] });
  await through(cluster().bootstrap, output, async () => {
    await cluster().killNode(1);
    await cluster().restartNode(1);
  });
}, 400_000);
