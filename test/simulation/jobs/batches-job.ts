import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import type { BatchingOptions } from "../../../src/sink/async/async-sink-options.js";
import { asyncBatchSink } from "../../../src/sink/async/index.js";
import { logSource } from "../log-source.js";
import type { World } from "../world.js";
import { type ServiceClient, serviceOf } from "./batch-service.js";
import { pass } from "./pass.js";
import { checkAtLeastOnce, type SimulatedJob } from "./simulated-job.js";

/** A call to the service that is not slow takes 80 ms at most, and one that is slow 230 ms. */
const TIMEOUT = 140;
const IN_FLIGHT = 2;

/** Small batches of which few may be on their way; some retries, then the sink gives up. */
export function batching(world: World, callsPerBatch: number): BatchingOptions<ServiceClient> {
  const { fetchSize, sinkBuffer } = world.plan;
  const { life } = world;
  return {
    name: "service",
    maxBatchSize: fetchSize,
    maxInFlightRequests: IN_FLIGHT,
    maxBufferedRequests: fetchSize + 1 + sinkBuffer,
    maxTimeInBuffer: 30,
    requestTimeout: TIMEOUT,
    retry: { strategy: { name: "three", delayOf: (n) => (n <= 3 ? 10 * n : undefined) } },
    createClient: () =>
      serviceOf(world).connect(life, { batch: fetchSize, inFlight: IN_FLIGHT * callsPerBatch }),
    closeClient: (client) => client.close(),
  };
}

/** The real batching sink: what the service takes, it keeps. */
export const batchesJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .pipe(pass(world.life))
        .sinkTo(
          asyncBatchSink<number, number, ServiceClient>({
            ...batching(world, 1),
            toRequest: (record) => record,
            send: (batch, { client, signal }) => client.append(batch, signal),
          }),
        );
    }),
  check: (world) => checkAtLeastOnce(world, serviceOf(world).appended),
};
