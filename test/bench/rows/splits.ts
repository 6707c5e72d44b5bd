import { monotonousTimestamps } from "../../../src/index.js";
import { type Benchmark, type Contestant, times } from "../benchmark.js";
import { manySplitsSource } from "../jobs/many-splits-source.js";
import { timedJob } from "../jobs/timed-job.js";

const COUNT = 60_000_000;

const read =
  (splits: number): Contestant =>
  (scale) =>
    timedJob(manySplitsSource(COUNT * scale, splits), monotonousTimestamps<number>(), (x) => x + 1);

export const splits: Benchmark = {
  work: "splits read side by side",
  contestants: { "1 split": read(1), "1,000 splits": read(1000), "10,000 splits": read(10_000) },
  goals: [
    times("time of 1 split: 1,000 splits", "1,000 splits", "1 split", { atMost: 1.1 }),
    times("time of 1 split: 10,000 splits", "10,000 splits", "1 split", { atMost: 1.25 }),
  ],
};
