import { createReadStream } from "node:fs";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { monotonousTimestamps, textSource } from "../../../src/index.js";
import { type Benchmark, times } from "../benchmark.js";
import { textFile } from "../data/line-files.js";
import { timedJob } from "../jobs/timed-job.js";

const BYTES = 1_000_000_000;

export const text: Benchmark = {
  work: "text lines of 100 bytes, 1 GB",
  contestants: {
    headwater: async (scale) => {
      const path = await textFile(BYTES * scale);
      let time = 0;
      return timedJob(
        textSource({ path }),
        monotonousTimestamps<string>().withTimestampAssigner(() => time++),
        (line) => line.length,
      );
    },
    readline: async (scale) => {
      const path = await textFile(BYTES * scale);
      const started = performance.now();
      let records = 0;
      let length = 0;
      for await (const line of createInterface({ input: createReadStream(path) })) {
        records++;
        length += line.length;
      }
      return { ms: performance.now() - started, records, values: { length } };
    },
    "readline events": async (scale) => {
      const path = await textFile(BYTES * scale);
      const started = performance.now();
      let records = 0;
      let length = 0;
      await new Promise<void>((resolve) => {
        createInterface({ input: createReadStream(path, { highWaterMark: 1 << 20 }) })
          .on("line", (line) => {
            records++;
            length += line.length;
          })
          .on("close", resolve);
      });
      return { ms: performance.now() - started, records, values: { length } };
    },
  },
  warmRuns: 3,
  goals: [
    times("node:readline (fastest way) takes × as long", "readline events", "headwater", {
      atLeast: 2.5,
    }),
    times("node:readline (for await) takes × as long", "readline", "headwater", { atLeast: 2.5 }),
  ],
  flink: {
    job: "lines",
    input: (scale) => textFile(BYTES * scale),
    goals: [times("Flink's FileSource takes × as long", "flink", "headwater", { atLeast: 1.5 })],
  },
};
