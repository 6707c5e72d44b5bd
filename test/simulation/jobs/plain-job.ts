import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { logSource } from "../log-source.js";
import { plainSink } from "../sinks.js";
import { checkAtLeastOnce, type SimulatedJob } from "./simulated-job.js";

/** A reader and a sink that cannot take back what was written. */
export const plainJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .sinkTo(plainSink(world, { keepsOrder: true, keepsTime: true }));
    }),
  check: (world) => checkAtLeastOnce(world, world.sink.written),
};
