import { performance } from "node:perf_hooks";
import {
  discardSink,
  map,
  monotonousTimestamps,
  numberSequenceSource,
} from "../../../src/index.js";
import { ActorSystem } from "../../../src/mailbox/index.js";
import { buildPipelines } from "../../../src/runtime/environment.js";
import { parseRunOptions } from "../../../src/runtime/job-options.js";
import { runJob } from "../../../src/runtime/run-job.js";
import { type Benchmark, type Measurement, value } from "../benchmark.js";

const SAMPLES = 500;

/** Posts an event and sets a timer every few milliseconds while a job reads flat out. */
async function latencies(): Promise<Measurement> {
  const system = new ActorSystem();
  const events: number[] = [];
  const timers: number[] = [];
  system.spawn("probe", () => ({
    receive: (event) => {
      events.push(performance.now() - (event as unknown as { sent: number }).sent);
    },
    onError: (error) => {
      throw error;
    },
  }));
  const pipelines = buildPipelines("bench", (env) => {
    env
      .fromSource(
        numberSequenceSource({ from: 1, to: Number.MAX_SAFE_INTEGER }),
        monotonousTimestamps<number>().withTimestampAssigner((x) => x),
      )
      .pipe(map((x: number) => x + 1))
      .sinkTo(discardSink());
  });
  const options = parseRunOptions({ checkpoint: { interval: "1s" } });
  const handle = await runJob("bench", pipelines, options, system);
  const started = performance.now();
  for (let i = 0; i < SAMPLES; i++) {
    // Not in step with the loop, which yields every 5 ms.
    const delay = 3 + (i % 7);
    const due = performance.now() + delay;
    await new Promise((resolve) => setTimeout(resolve, delay));
    timers.push(performance.now() - due);
    system.post("probe", "probe", { type: "Probe", sent: performance.now() } as never);
  }
  const ms = performance.now() - started;
  await handle.cancel();
  return { ms, values: { eventP99: percentile(events), timerP99: percentile(timers) } };
}

function percentile(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
}

export const responsiveness: Benchmark = {
  work: "a job that reads flat out",
  contestants: { headwater: latencies },
  warmRuns: 1,
  goals: [
    value("posted event handled (p99)", "headwater", "eventP99", { unit: "ms", atMost: 20 }),
    value("timer late (p99)", "headwater", "timerP99", { unit: "ms", atMost: 30 }),
  ],
};
