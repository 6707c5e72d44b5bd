import { performance } from "node:perf_hooks";
import { defineJob, discardSink, numberSequenceSource } from "../../../src/index.js";
import { asyncMap } from "../../../src/stream/index.js";
import { type Benchmark, type Contestant, type Measurement, times, value } from "../benchmark.js";

const COUNT = 1_000_000;
const IN_FLIGHT = 10_000;

/** A service that answers each call after a time; calls of one millisecond share a timer. */
class Service {
  readonly #latency: number;
  #answers: (() => void)[] = [];
  #since = Number.NEGATIVE_INFINITY;

  constructor(latency: number) {
    this.#latency = latency;
  }

  ask(record: number): Promise<number> {
    return new Promise((resolve) => {
      const now = performance.now();
      if (now >= this.#since + 1) {
        const answers: (() => void)[] = [];
        this.#answers = answers;
        this.#since = now;
        setTimeout(() => {
          // It may fire a little early: who asks then is not to be left in a group that is over.
          if (this.#answers === answers) this.#since = Number.NEGATIVE_INFINITY;
          for (const answer of answers) answer();
        }, this.#latency);
      }
      this.#answers.push(() => resolve(record));
    });
  }
}

/** The rate in percent of what so many calls at once could give if nothing else took time. */
function measured(count: number, latency: number, ms: number): Measurement {
  const ideal = (count / IN_FLIGHT) * latency;
  return { ms, records: count, values: { percentOfIdeal: (100 * ideal) / ms } };
}

const throughJob =
  (latency: number): Contestant =>
  async (scale) => {
    const service = new Service(latency);
    const job = defineJob("bench", (env) => {
      env
        .fromSource(numberSequenceSource({ from: 1, to: COUNT * scale }))
        .pipe(
          asyncMap<number, number>({
            name: "lookup",
            mode: "unordered",
            capacity: IN_FLIGHT,
            fn: (record) => service.ask(record),
          }),
        )
        .sinkTo(discardSink());
    });
    const started = performance.now();
    await (await job.run({ checkpoint: { interval: "1s" } })).done;
    return measured(COUNT * scale, latency, performance.now() - started);
  };

/** As many loops as calls may be under way; the least that Node needs for them. */
const bareLoops =
  (latency: number): Contestant =>
  async (scale) => {
    const service = new Service(latency);
    const count = COUNT * scale;
    let next = 0;
    const started = performance.now();
    const loop = async (): Promise<void> => {
      while (next < count) await service.ask(++next);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
    return measured(count, latency, performance.now() - started);
  };

export const asyncIo: Benchmark = {
  work: "asyncMap with 10,000 calls in flight",
  contestants: {
    "asyncMap, 100 ms": throughJob(100),
    "asyncMap, 1 ms": throughJob(1),
    "bare loops, 1 ms": bareLoops(1),
  },
  goals: [
    value("rate at 100 ms, of the ideal", "asyncMap, 100 ms", "percentOfIdeal", {
      unit: "%",
      atLeast: 90,
    }),
    times("time of bare loops at 1 ms", "asyncMap, 1 ms", "bare loops, 1 ms", {}),
  ],
};
