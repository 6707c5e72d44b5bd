import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { type ChunkOperator, process } from "../../../src/stream/index.js";
import { timestampOf } from "../log.js";
import { logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import type { World } from "../world.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

/** Records that the operator holds back, in its state. */
const HELD = 3;

/** Keeps the last records to itself until there are more, or the end of event time. */
function holdBack(world: World): ChunkOperator<number, number> {
  return process<number, number>({
    name: "hold back",
    create({ restoredStates }) {
      const { life } = world;
      const held = restoredStates.flatMap((state) => state as number[]);
      return {
        processRecord(record, _timestamp, out) {
          life.check("operator.process");
          held.push(record);
          const first = held.length > HELD ? held.shift() : undefined;
          if (first !== undefined) out.collect(first, timestampOf(first));
        },
        processWatermark(watermark, out) {
          if (watermark !== Number.POSITIVE_INFINITY) return;
          for (const record of held.splice(0)) out.collect(record, timestampOf(record));
        },
        snapshotState() {
          life.check("operator.snapshot");
          return [...held];
        },
      };
    },
  });
}

/** An operator whose state holds records: each is there or in the sink, and never in both. */
export const statefulJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .pipe(holdBack(world))
        .sinkTo(transactionalSink(world, { keepsOrder: false, keepsTime: false }));
    }),
  check: (world) => checkExactlyOnce(world, world.sink.committed),
};
