import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { dailyStatistics, type Flight } from "../../docs/examples/01-flights/daily-statistics.js";
import { flightReport } from "../../docs/examples/01-flights/flight-report.js";
import { flightsThroughKafka } from "../../docs/examples/01-flights/through-kafka.js";
import { jobWith } from "../../docs/examples/01-flights.js";
import { collection, defineJob, monotonousTimestamps, runDefinition } from "../../src/index.js";
import { failOnceAt } from "../../src/runtime/injected-failure.js";
import { readTopic, untilStable } from "../connectors/kafka/integration/kafka-topics.js";
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

/** The flights in the results of all days as a read_committed reader finds them, with the airport as the key. */
async function flightsIn(broker: string, topic: string): Promise<number> {
  let counted = 0;
  await untilStable(broker, topic);
  for (const { key, value } of await readTopic(broker, topic)) {
    const result = JSON.parse(String(value)) as { airport: string; flights: number };
    expect(key).toBe(result.airport);
    counted += result.flights;
  }
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
    expect(await flightsIn(bootstrap, `${topic}-by-day`)).toBe(FLIGHTS);
  }, 240_000);

  it("are the default job without a broker", async () => {
    expect(await jobWith({ topic: "flights" })).toBeUndefined();
  });
});
