import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import { upsertSink } from "../../../src/sink/async/index.js";
import { placeOf, splitOf } from "../log.js";
import { logSource } from "../log-source.js";
import { type ServiceClient, serviceOf } from "./batch-service.js";
import { batching } from "./batches-job.js";
import { pass } from "./pass.js";
import type { SimulatedJob } from "./simulated-job.js";

/** A key's records are of one split, so that they have an order. */
const keyOf = (record: number): number => splitOf(record) * 10 + (placeOf(record) % 2);

const isDelete = (record: number): boolean => placeOf(record) % 5 === 4;

/** The table that the records make when each is written in its turn. */
function tableOf(records: readonly number[]): ReadonlyMap<number, number> {
  const rows = new Map<number, number>();
  for (const record of records) {
    if (isDelete(record)) rows.delete(keyOf(record));
    else rows.set(keyOf(record), record);
  }
  return rows;
}

/** The real upsert sink: at the end each key has its last record, or none when that deletes it. */
export const upsertJob: SimulatedJob = {
  define: (world) =>
    defineJob("simulated", (env) => {
      env
        .fromSource(logSource(world), monotonousTimestamps<number>())
        .pipe(pass(world.life))
        .sinkTo(
          upsertSink<number, number, ServiceClient>({
            // What is written and what is deleted goes in calls of its own.
            ...batching(world, 2),
            keyOf,
            upsert: (batch, { client, signal }) => client.upsert(batch, keyOf, signal),
            isDelete,
            delete: (batch, { client, signal }) => client.delete(batch, keyOf, signal),
          }),
        );
    }),
  check: (world) => {
    const { rows } = serviceOf(world);
    const expected = tableOf(world.log.records);
    for (const key of new Set([...rows.keys(), ...expected.keys()])) {
      const [found, wanted] = [rows.get(key), expected.get(key)];
      if (found !== wanted) world.violation(`key ${key} has ${found} and should have ${wanted}`);
    }
  },
};
