import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { monotonousTimestamps, ndjsonSource } from "../../../src/index.js";
import { type Benchmark, times } from "../benchmark.js";
import { ndjsonFile } from "../data/line-files.js";
import { timedJob } from "../jobs/timed-job.js";

const BYTES = 300_000_000;

interface Event {
  readonly time: number;
  readonly price: number;
}

export const ndjson: Benchmark = {
  work: "NDJSON, 300 bytes a line",
  contestants: {
    headwater: async (scale) =>
      timedJob(
        ndjsonSource<Event>({ path: await ndjsonFile(BYTES * scale) }),
        monotonousTimestamps<Event>().withTimestampAssigner((event) => event.time),
        (event) => event.price,
      ),
    "JSON.parse": async (scale) => {
      const lines = readFileSync(await ndjsonFile(BYTES * scale), "utf8").split("\n");
      lines.pop();
      const started = performance.now();
      let price = 0;
      for (const line of lines) price += (JSON.parse(line) as Event).price;
      return { ms: performance.now() - started, records: lines.length, values: { price } };
    },
  },
  goals: [
    times("time of JSON.parse on lines in memory", "headwater", "JSON.parse", { atMost: 1.25 }),
  ],
};
