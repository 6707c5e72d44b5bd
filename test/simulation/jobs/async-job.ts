import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { asyncMap } from "../../../src/stream/index.js";
import { logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

/** Looks every record up in a service that is slow and fails, several at a time. */
export const asyncJob: SimulatedJob = {
  define: (world) => {
    const mode = world.plan.seed % 2 === 0 ? "ordered" : "unordered";
    const lookup = asyncMap<number, number>({
      name: "look up",
      mode,
      capacity: 3,
      fn: (record) => world.life.call("lookup", world.plan.latency.source, () => record),
    });
    return defineJob("simulated", (env) => {
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .pipe(lookup)
        .sinkTo(transactionalSink(world, { keepsOrder: mode === "ordered", keepsTime: true }));
    });
  },
  check: (world) => checkExactlyOnce(world, world.sink.committed),
};
