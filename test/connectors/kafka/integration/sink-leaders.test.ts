import { expect, it } from "vitest";
import { newTopic, withClient } from "./kafka-topics.js";
import { inTime, PLACES, through, useOwnKafka, WITHIN } from "./troubled-brokers.js";

const cluster = useOwnKafka(2);

const leaders = (topic: string) =>
  withClient(cluster().bootstrap, async (client) => {
    return Promise.all(PLACES.map((partition) => client.leaderOf({ topic, partition })));
  });

it("a Kafka sink writes everything through leaders that move under load, however their brokers end", async () => {
  const topics: string[] = [];
  const output = async (): Promise<string> => {
    const topic = await newTopic(cluster().bootstrap, {
      brokers: [
        [1, 2],
        [2, 1],
      ],
    });
    topics.push(topic);
    return topic;
  };
  await through(cluster().bootstrap, output, async () => {
    for (const end of ["stopNode", "killNode"] as const) {
      const led = () => inTime("who leads", Promise.all(topics.map(leaders)));
      await expect.poll(led, WITHIN).toEqual(topics.map(() => [1, 2]));
      await inTime(`${end} 2`, cluster()[end](2));
      await expect.poll(led, WITHIN).toEqual(topics.map(() => [1, 1]));
      await inTime("the start of broker 2", cluster().restartNode(2));
    }
  });
}, 400_000);
