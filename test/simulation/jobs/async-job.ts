import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import {
  type AsyncMapOptions,
  asyncMap,
  type ChunkOperator,
  fixedDelayRetry,
} from "../../../src/stream/index.js";
import { logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import type { World } from "../world.js";
import { type MarkedRecord, mark, unmark } from "./marked-record.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

type Marked = AsyncMapOptions<MarkedRecord, MarkedRecord>;

const CAPACITY = 3;
/** Shorter than a call that is slow. */
const TIMEOUT = 100;

/** Seeds of their own for a timeout with its handler, and for retries. */
function options({ plan: { seed } }: World): Pick<Marked, "mode" | "timeout" | "retry"> {
  return {
    mode: seed % 2 === 0 ? "ordered" : "unordered",
    ...(seed % 3 === 0 && { timeout: TIMEOUT, onTimeout: (record: MarkedRecord) => record }),
    ...(seed % 5 < 2 && { retry: { strategy: fixedDelayRetry({ attempts: 2, delay: 20 }) } }),
  };
}

/** Looks each record up; several calls are under way at a time. */
function lookup(world: World): ChunkOperator<MarkedRecord, MarkedRecord> {
  const { life, plan } = world;
  return asyncMap<MarkedRecord, MarkedRecord>({
    ...options(world),
    name: "look up",
    capacity: CAPACITY,
    fn: (record) => life.call("lookup", plan.latency.source, () => record),
  });
}

/** Looks every record up in a service that is slow and fails, several at a time. */
export const asyncJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      const keepsOrder = options(world).mode === "ordered";
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .pipe(mark(world))
        .pipe(lookup(world))
        .pipe(unmark(world))
        .sinkTo(transactionalSink(world, { keepsOrder, keepsTime: true }));
    }),
  check: (world) => checkExactlyOnce(world, world.sink.committed),
};
