import { monotonousTimestamps, numberSequenceSource, type Sink } from "../../../src/index.js";
import { type Benchmark, type Measurement, value } from "../benchmark.js";
import { timedJob } from "../jobs/timed-job.js";

const COUNT = 10_000_000;

/** Takes a millisecond for each chunk: the source could read a hundred times as fast. */
const slowSink: Sink<unknown> = {
  name: "slow",
  createWriter: () => ({
    write: () => new Promise<void>((resolve) => setTimeout(resolve, 1)),
  }),
};

async function readInto(scale: number): Promise<Measurement> {
  const before = process.memoryUsage().rss;
  let highest = before;
  const sampling = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage().rss);
  }, 50);
  const measured = await timedJob(
    numberSequenceSource({ from: 1, to: COUNT * scale }),
    monotonousTimestamps<number>().withTimestampAssigner((x) => x),
    (x) => ({ x }),
    { sink: slowSink },
  );
  clearInterval(sampling);
  return { ...measured, values: { grownMB: (highest - before) / 1e6 } };
}

export const slowSinkMemory: Benchmark = {
  work: "a sink of 1 ms a chunk",
  contestants: { headwater: readInto },
  warmRuns: 1,
  goals: [value("memory (RSS) grows by", "headwater", "grownMB", { unit: "MB", atMost: 50 })],
};
