import { performance } from "node:perf_hooks";
import { map as mapRecord, range, Subject } from "rxjs";
import { monotonousTimestamps, numberSequenceSource } from "../../../src/index.js";
import { type Benchmark, type Measurement, times } from "../benchmark.js";
import { timedJob } from "../jobs/timed-job.js";

const COUNT = 200_000_000;

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
      // After calls of so many different closures the compiler leaves a call a call.
      for (const project of CLOSURES) plainLoop(100_000, project);
      return timedLoop(COUNT * scale);
    },
    "plain loop, inlined": async (scale) => timedLoop(COUNT * scale),
    "rxjs subject": async (scale) =>
      timedRxjs(COUNT * scale, (count, next) => {
        const records = new Subject<number>();
        records.pipe(mapRecord((x) => x + 1)).subscribe(next);
        for (let x = 1; x <= count; x++) records.next(x);
        records.complete();
      }),
    "rxjs range": async (scale) =>
      timedRxjs(COUNT * scale, (count, next) => {
        range(1, count)
          .pipe(mapRecord((x) => x + 1))
          .subscribe(next);
      }),
  },
  goals: [
    times("time of a plain loop with a closure call", "headwater", "plain loop", { atMost: 5 }),
    times("time of a plain loop, closure inlined", "headwater", "plain loop, inlined", {}),
    times("RxJS, a record pushed at a time, takes × as long", "rxjs subject", "headwater", {
      atLeast: 2,
    }),
    times("RxJS range() alone in its process takes × as long", "rxjs range", "headwater", {}),
  ],
  flink: {
    job: "numbers",
    input: (scale) => String(COUNT * scale),
    goals: [
      times("Flink's NumberSequenceSource takes × as long", "flink", "headwater", { atLeast: 1.5 }),
    ],
  },
};

const CLOSURES: readonly ((x: number) => number)[] = [
  (x) => x + 2,
  (x) => x - 1,
  (x) => x ^ 5,
  (x) => x | 1,
  (x) => x & 7,
  (x) => x * 3,
];

function timedLoop(count: number): Measurement {
  const started = performance.now();
  plainLoop(count, (x) => x + 1);
  return { ms: performance.now() - started, records: count };
}

/** A tenth of the records, times ten: it does not get faster later on. */
function timedRxjs(
  count: number,
  run: (count: number, next: (x: number) => void) => void,
): Measurement {
  let last = 0;
  const started = performance.now();
  run(count / 10, (x) => {
    last = x;
  });
  return { ms: (performance.now() - started) * 10, records: count, values: { last } };
}

let sunk = 0;

/** One closure call a record, and nothing else; the sum keeps the compiler from leaving it out. */
function plainLoop(count: number, project: (x: number) => number): void {
  let sum = 0;
  for (let x = 1; x <= count; x++) sum += project(x);
  sunk += sum;
  if (Number.isNaN(sunk)) throw new Error("unreachable");
}
