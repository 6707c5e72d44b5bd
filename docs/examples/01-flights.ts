/**
 * The main job: three million flights of 2001, one split per Parquet row group, in event-time order.
 *
 * The row groups cover different weeks. Without alignment all of them are read at once and event
 * time is skewed by months (try `ALIGNMENT=off npm start`); with it no split runs more than a day
 * ahead of the slowest, so a day's result can be printed as soon as the watermark has passed it.
 *
 * `npm start -- --inspect` prints the address of a page that shows it, in slow motion.
 *
 * With `--kafka host:port` the flights go through a topic first; `npm run kafka` starts a broker.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineJob, filter, type JobDefinition, watermarkGenerator } from "headwater";
import { parquetSource } from "headwater/connectors/parquet";
import { dailyStatistics, type Flight } from "./01-flights/daily-statistics.js";
import { flightReport } from "./01-flights/flight-report.js";
import { flightsThroughKafka } from "./01-flights/through-kafka.js";

const dataset = createRequire(import.meta.url).resolve("vega-datasets");
const path = join(dirname(dataset), "../data/flights-3m.parquet");

const HOUR = 3_600_000;
/** Each row group is sorted by departure, so a new hour says that the one before is complete. */
const byDeparture = watermarkGenerator<Flight>(() => {
  let hour = Number.NEGATIVE_INFINITY;
  return {
    onEvent(_flight, departure, output) {
      const now = Math.floor(departure / HOUR);
      if (now <= hour) return;
      hour = now;
      output.emitWatermark(departure - 1);
    },
    onPeriodicEmit() {},
  };
}).withTimestampAssigner((flight) => flight.date);
const aligned = byDeparture.withWatermarkAlignment({
  group: "flights",
  maxDrift: "1d",
  updateInterval: "5ms",
});

const strategy = (): typeof byDeparture =>
  process.env.ALIGNMENT === "off" ? byDeparture : aligned;
const flightsOfFile = () => parquetSource<Flight>({ path, timestamps: "number" });
const report = () =>
  flightReport({ csv: process.env.FLIGHTS_CSV ?? ".headwater/flights-by-day.csv" });

export default defineJob("flights", (env) => {
  env
    .fromSource(flightsOfFile(), strategy())
    .pipe(
      filter((flight) => flight.delay !== null),
      dailyStatistics(),
    )
    .sinkTo(report());
});

/** With `--inspect` the flights take two minutes, not seconds: time to watch them. */
export const inspectPace = 25_000;

/** What the command line takes for this job besides its own options. */
export const options = {
  /** A broker, `host:port`: the flights go through a topic there. */
  kafka: { type: "string" },
  topic: { type: "string", default: "flights" },
} as const;

/** The job with these options. */
export async function jobWith(values: {
  readonly kafka?: string;
  readonly topic: string;
}): Promise<JobDefinition | undefined> {
  if (values.kafka === undefined) return undefined;
  return flightsThroughKafka(
    { flights: flightsOfFile(), strategy: strategy(), report: report() },
    { broker: values.kafka, topic: values.topic },
  );
}
