import { type Benchmark, value } from "../benchmark.js";
import { checkpointStall } from "../jobs/checkpoint-stall.js";

export const checkpoints: Benchmark = {
  work: "checkpoint of 10,000 splits",
  contestants: { headwater: () => checkpointStall(10_000) },
  warmRuns: 1,
  goals: [
    value("loop stopped (median of the longest gap)", "headwater", "stoppedMs", {
      unit: "ms",
      atMost: 5,
    }),
    value("whole checkpoint (median)", "headwater", "checkpointMs", { unit: "ms", atMost: 300 }),
  ],
};
