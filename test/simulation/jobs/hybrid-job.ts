import { hybridSource } from "../../../src/connectors/hybrid/index.js";
import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

/** First the splits with even numbers, then the others, through a source that is made when its turn comes. */
export const hybridJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      const source = hybridSource<number>({
        sources: [
          logSource(world, (index) => index % 2 === 0),
          { create: () => logSource(world, (index) => index % 2 === 1) },
        ],
      });
      env
        .fromSource(source, monotonousTimestamps<number>())
        .sinkTo(transactionalSink(world, { keepsOrder: true, keepsTime: true }));
    }),
  check: (world) => checkExactlyOnce(world, world.sink.committed),
};
