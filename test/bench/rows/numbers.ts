import { performance } from "node:perf_hooks";
import { map as mapRecord, range } from "rxjs";
import { monotonousTimestamps, numberSequenceSource } from "../../../src/index.js";
import { type Benchmark, times } from "../benchmark.js";
import { timedJob } from "../jobs/timed-job.js";

const COUNT = 50_000_000;

export const numbers: Benchmark = {
  work: "number sequence → map → discard",
  contestants: {
    headwater: (scale) =>
      timedJob(
        numberSequenceSource({ from: 1, to: COUNT * scale }),
        monotonousTimestamps<number>().withTimestampAssigner((x) => x),
        (x) => x + 1,
      ),
    "plain loop": async (scale) => {
      const count = COUNT * scale;
      const started = performance.now();
      plainLoop(count, (x) => x + 1);
      return { ms: performance.now() - started, records: count };
    },
    "rxjs per record": async (scale) => {
      const count = (COUNT * scale) / 5;
      const started = performance.now();
      let last = 0;
      range(1, count)
        .pipe(mapRecord((x) => x + 1))
        .subscribe((x) => {
          last = x;
        });
      return { ms: (performance.now() - started) * 5, records: count * 5, values: { last } };
    },
  },
  goals: [
    times("time of a plain loop with a closure", "headwater", "plain loop", { atMost: 5 }),
    times("time of RxJS per record, × as fast", "rxjs per record", "headwater", { atLeast: 2 }),
  ],
};

let sunk = 0;

/** One closure call a record, and nothing else; the sum keeps the compiler from leaving it out. */
function plainLoop(count: number, project: (x: number) => number): void {
  let sum = 0;
  for (let x = 1; x <= count; x++) sum += project(x);
  sunk += sum;
  if (Number.isNaN(sunk)) throw new Error("unreachable");
}
