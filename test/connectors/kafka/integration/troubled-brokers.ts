import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished } from "vitest";
import type { OffsetAnswer } from "../../../../src/connectors/kafka/client/kafka-client.js";
import {
  type KafkaBroker,
  kafkaSkipReason,
  startKafka,
} from "../../../support/kafka/kafka-broker.js";
import { type CopyOptions, copyJob, expectAtLeastOnce, expectOnceInOrder } from "./copy-job.js";
import { fillPartition, newName, newTopic, TopicReader, withClient } from "./kafka-topics.js";

/** The partitions of each topic. */
export const PLACES = [0, 1];
const PARTITIONS = PLACES.length;
/** How long a broker may take to come or go. */
export const WITHIN = { timeout: 90_000, interval: 200 };

// Leaders go back soon to a broker that is back.
const PROPERTIES = {
  "leader.imbalance.check.interval.seconds": 1,
  "leader.imbalance.per.broker.percentage": 0,
  "broker.session.timeout.ms": 3000,
  "broker.heartbeat.interval.ms": 500,
};

/** A cluster of the file's own, whose brokers may come and go. */
export function useOwnKafka(nodes: 1 | 2): () => KafkaBroker {
  const why = kafkaSkipReason();
  let cluster: KafkaBroker | undefined;
  beforeAll(async () => {
    if (why === undefined) cluster = await startKafka({ nodes, properties: PROPERTIES });
  }, 240_000);
  afterAll(() => cluster?.stop());
  beforeEach(({ skip }) => {
    if (why !== undefined) skip(why);
  });
  return () => cluster as KafkaBroker;
}

/** Nothing that is asked while brokers come and go takes longer: what does hangs, and is named. */
const LONGEST = 60_000;

/** Milliseconds between two writes: the work does not grow with the speed of the machine. */
const PAUSE = 100;

/** What `what` says, in time; rejects with its name, which is logged, when it takes longer. */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = wait(LONGEST, undefined, { signal: over.signal }).then(() => {
    console.log(`${what} has not ended in ${LONGEST} ms`);
    throw new Error(`${what} has not ended in ${LONGEST} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    over.abort();
  }
}

/** What comes into the input, little by little: each number once, whatever happens to brokers. */
class Feed {
  readonly #brokers: string;
  readonly #topic: string;
  #isOver = false;
  readonly #done: Promise<number[]>;

  constructor(brokers: string, topic: string) {
    this.#brokers = brokers;
    this.#topic = topic;
    this.#done = this.#run();
  }

  /** Ends it, and gives how many records there are. */
  async end(): Promise<number> {
    this.#isOver = true;
    return (await inTime("the feed's end", this.#done)).reduce((sum, n) => sum + n, 0);
  }

  async #run(): Promise<number[]> {
    let next: number[] | undefined;
    while (!this.#isOver || next === undefined) {
      // What was under way at a failure may be in the log.
      next = await this.#write(next).catch(() => undefined);
      await wait(PAUSE);
    }
    return next;
  }

  #write(known: readonly number[] | undefined): Promise<number[]> {
    return withClient(this.#brokers, async (client) => {
      const places = PLACES.map((partition) => ({ topic: this.#topic, partition }));
      const queries = places.map((place) => ({ ...place, at: "latest" as const }));
      const ends = known ?? (await client.listOffsets(queries, "read_uncommitted")).map(offsetOf);
      for (const place of places) {
        const from = ends[place.partition] as number;
        await fillPartition(client, place, from, from + 20);
      }
      return ends.map((end) => end + 20);
    });
  }
}

function offsetOf({ offset, error }: OffsetAnswer): number {
  if (offset === undefined) throw new Error(error);
  return offset;
}

/** Runs two jobs over the same input while something happens to brokers, until all is copied. */
export async function through(
  brokers: string,
  output: () => Promise<string>,
  happens: () => Promise<void>,
): Promise<void> {
  const input = await newTopic(brokers, { brokers: [[1], [1]] });
  const jobs = [
    {
      check: expectOnceInOrder,
      sink: { delivery: "exactly-once", transactionalIdPrefix: newName("b") },
    },
    { check: expectAtLeastOnce, sink: { delivery: "at-least-once" } },
  ] as const;
  const running = await Promise.all(
    jobs.map(async ({ check, sink }) => {
      const topic = await output();
      const directory = mkdtempSync(join(tmpdir(), "headwater-kafka-brokers-"));
      onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
      const options: CopyOptions = { brokers, input, output: topic, sink };
      const handle = await copyJob(options).run({
        parallelism: 2,
        checkpoint: { interval: 100, directory, tolerableFailures: 1000 },
      });
      onTestFinished(() => handle.cancel());
      const reader = new TopicReader(brokers, topic);
      const count = async () => {
        const look = reader.look().catch(() => reader.records);
        return check(await inTime(`a look at the ${sink.delivery} output`, look), PARTITIONS);
      };
      return { handle, count, delivery: sink.delivery };
    }),
  );
  const feed = new Feed(brokers, input);
  const more = (by: number) =>
    Promise.all(
      running.map(async ({ count }) => {
        const wanted = (await count()) + by;
        await expect.poll(count, WITHIN).toBeGreaterThan(wanted);
      }),
    );
  await more(200);
  await happens();
  await more(200);
  const records = await feed.end();
  for (const { handle, count, delivery } of running) {
    await expect.poll(count, WITHIN).toBe(records);
    console.log(`${delivery}: ${records} records, ${handle.status().restarts} restarts`);
    await inTime("to cancel a job", handle.cancel());
  }
}
