import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

/** A reader and a sink that commits in two phases. */
export const transactionalJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .sinkTo(transactionalSink(world, { keepsOrder: true, keepsTime: true }));
    }),
  check: (world) => checkExactlyOnce(world, world.sink.committed),
};
