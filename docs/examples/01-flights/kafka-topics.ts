import { setTimeout } from "node:timers/promises";
import { type Admin, Kafka, logLevel, type SeekEntry } from "kafkajs";

/** Where the job's own records begin in each partition of its topic. */
export type TopicOffsets = readonly {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}[];

const ATTEMPTS = 20;
const PAUSE_MS = 250;

/**
 * Makes the topics that are missing, and tells where the first of them ends now: a new job reads from
 * there, whatever earlier ones have left.
 */
export async function prepareTopics(
  broker: string,
  topics: readonly [string, ...string[]],
  numPartitions: number,
): Promise<TopicOffsets> {
  const kafka = new Kafka({
    brokers: [broker],
    clientId: "flights",
    logLevel: logLevel.NOTHING,
    retry: { retries: 3 },
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    // The flights are of 2001: without this the broker would soon remove them.
    const configEntries = [{ name: "retention.ms", value: "-1" }];
    await admin.createTopics({
      waitForLeaders: true,
      topics: topics.map((topic) => ({ topic, numPartitions, configEntries })),
    });
    const ends = await endsOf(admin, topics[0]);
    return ends.map(({ partition, high }) => ({
      topic: topics[0],
      partition,
      offset: Number(high),
    }));
  } finally {
    await admin.disconnect();
  }
}

/** A topic that has just been made may be without a leader for a moment more. */
async function endsOf(
  admin: Admin,
  topic: string,
): Promise<readonly (SeekEntry & { readonly high: string })[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await admin.fetchTopicOffsets(topic);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await setTimeout(PAUSE_MS);
    }
  }
}
