import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { dailyStatistics, type Flight } from "../../docs/examples/01-flights/daily-statistics.js";
import { flightReport } from "../../docs/examples/01-flights/flight-report.js";
import { flightsThroughKafka } from "../../docs/examples/01-flights/through-kafka.js";
import { jobWith } from "../../docs/examples/01-flights.js";
import { collection, defineJob, monotonousTimestamps, runDefinition } from "../../src/index.js";
import { failOnceAt } from "../../src/runtime/injected-failure.js";
import { useSharedKafka } from "../support/kafka/shared-kafka.js";

const FLIGHTS = 200_000;
const AIRPORTS = 40;
/** A bit more than a month. */
const BETWEEN = 14_000;
let directory: string;

/** In order of departure, from many airports, with delays that no two of them have in the same order. */
const flights: readonly Flight[] = Array.from({ length: FLIGHTS }, (_, i) => ({
  date: Date.UTC(2001, 0) + i * BETWEEN,
  delay: ((i * 7919) % 211) - 30,
  distance: 100 + (i % 900),
  origin: `A${(i * 31) % AIRPORTS}`,
  destination: `A${(i * 17) % AIRPORTS}`,
}));
const strategy = monotonousTimestamps<Flight>().withTimestampAssigner(({ date }) => date);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "headwater-flights-kafka-"));
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});

afterAll(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

const csv = (name: string): string => join(directory, `${name}.csv`);

/** The results of all days as a read_committed reader finds them, with the airport as the key. */
async function resultsIn(broker: string, topic: string): Promise<number> {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = (await admin.fetchTopicOffsets(topic)).map(({ high }) => Number(high));
  await admin.disconnect();
  const consumer = kafka.consumer({ groupId: `${topic}-check` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const unread = new Set(ends.keys());
  for (const [partition, end] of ends.entries()) if (end === 0) unread.delete(partition);
  let counted = 0;
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachBatch: async ({ batch }) => {
          for (const { key, value } of batch.messages) {
            const result = JSON.parse(String(value)) as { airport: string; flights: number };
            expect(String(key)).toBe(result.airport);
            counted += result.flights;
          }
          // What ends a transaction takes an offset of its own.
          if (Number(batch.lastOffset()) >= (ends[batch.partition] ?? 0) - 2) {
            unread.delete(batch.partition);
          }
          if (unread.size === 0) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return counted;
}

describe("the flights through Kafka", () => {
  const kafka = useSharedKafka();

  it("give the same table as without, also when a subtask fails in the middle", async () => {
    const plain = defineJob("plain", (env) => {
      env
        .fromSource(collection(flights), strategy)
        .pipe(dailyStatistics())
        .sinkTo(flightReport({ csv: csv("plain") }));
    });
    await (await plain.run()).done;

    const topic = `flights-${process.pid}-${Date.now()}`;
    const { bootstrap } = kafka();
    const report = flightReport({ csv: csv("kafka") });
    const job = await flightsThroughKafka(
      { flights: collection(flights), strategy, report },
      { broker: bootstrap, topic },
    );
    const handle = await runDefinition(
      job,
      { parallelism: 2, checkpoint: { directory: join(directory, "kafka"), interval: "300ms" } },
      failOnceAt(FLIGHTS / 2),
    );
    const { state, status } = await handle.done;

    expect({ state, restarts: status.restarts }).toEqual({ state: "FINISHED", restarts: 1 });
    expect(await readFile(csv("kafka"), "utf8")).toBe(await readFile(csv("plain"), "utf8"));
    expect(await resultsIn(bootstrap, `${topic}-by-day`)).toBe(FLIGHTS);
  }, 60_000);

  it("are the default job without a broker", async () => {
    expect(await jobWith({ topic: "flights" })).toBeUndefined();
  });
});
