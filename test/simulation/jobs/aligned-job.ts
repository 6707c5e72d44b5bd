import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

/** Two pipelines of which neither may run far ahead of the other. */
export const alignedJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      const strategy = monotonousTimestamps<number>().withWatermarkAlignment({
        group: "both",
        maxDrift: 30,
        updateInterval: 40,
      });
      for (const part of [0, 1]) {
        env
          .fromSource(
            logSource(world, (index) => index % 2 === part),
            strategy,
            { id: `part-${part}` },
          )
          .sinkTo(transactionalSink(world, { keepsOrder: true, keepsTime: true }));
      }
    }),
  check: (world) => checkExactlyOnce(world, world.sink.committed),
};
