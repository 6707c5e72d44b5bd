import { type HybridSourceOptions, hybridSource } from "../../../src/connectors/hybrid/index.js";
import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { type LogEnumerator, type LogRange, logRangeSource, logSource } from "../log-source.js";
import { transactionalSink } from "../sinks.js";
import type { World } from "../world.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

type Sources = HybridSourceOptions<number>["sources"];

/** First the splits with even numbers, then the others. */
function splitAfterSplit(world: World): Sources {
  return [
    logSource(world, (index) => index % 2 === 0),
    { create: () => logSource(world, (index) => index % 2 === 1) },
  ];
}

/** History has the first half of each split with an even number. */
const history: LogRange = (index, records) =>
  index % 2 === 0 ? { from: 0, to: Math.floor(records / 2) } : undefined;

/** What history has not read of the splits that it knew, and all of the others. */
const liveBehind =
  (known: readonly number[]): LogRange =>
  (index, records) => ({
    from: known.includes(index) ? (history(index, records)?.to ?? 0) : 0,
    to: records,
  });

/** A live source begins where history has ended. */
function historyThenLive(world: World): Sources {
  return [
    logRangeSource(world, history),
    {
      position: (enumerator: LogEnumerator) => enumerator.known,
      create: ({ previousPosition }) => logRangeSource(world, liveBehind(previousPosition)),
    },
  ];
}

/** Two sources one after the other, the second made in its turn. */
export const hybridJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      // The rest of a split comes when the watermark of others has gone on.
      const keepsTime = world.plan.seed % 2 === 0;
      const sources = keepsTime ? splitAfterSplit(world) : historyThenLive(world);
      env
        .fromSource(hybridSource({ sources }), monotonousTimestamps<number>())
        .sinkTo(transactionalSink(world, { keepsOrder: true, keepsTime }));
    }),
  check: (world) => checkExactlyOnce(world, world.sink.committed),
};
