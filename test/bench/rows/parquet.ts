import { createRequire } from "node:module";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { parquetSource } from "../../../src/connectors/parquet/index.js";
import { boundedOutOfOrderness } from "../../../src/index.js";
import { type Benchmark, times } from "../benchmark.js";
import { timedJob } from "../jobs/timed-job.js";

interface Flight {
  readonly date: number;
  readonly delay: number;
}

const FILE = join(
  createRequire(import.meta.url).resolve("vega-datasets"),
  "../../data/flights-3m.parquet",
);

export const parquet: Benchmark = {
  work: "Parquet, 3 million flights",
  contestants: {
    headwater: () =>
      timedJob(
        parquetSource<Flight>({ path: FILE, timestamps: "number" }),
        boundedOutOfOrderness<Flight>("5s").withTimestampAssigner((flight) => flight.date),
        (flight) => flight.delay,
      ),
    hyparquet: async () => {
      const started = performance.now();
      const file = await asyncBufferFromFile(FILE);
      const rows = await parquetReadObjects({ file, compressors });
      let delay = 0;
      for (const row of rows) delay += Number((row as Record<string, unknown>).delay);
      return { ms: performance.now() - started, records: rows.length, values: { delay } };
    },
  },
  warmRuns: 1,
  goals: [times("time of hyparquet alone", "headwater", "hyparquet", { atMost: 1.2 })],
};
