import { setTimeout as wait } from "node:timers/promises";
import { ndjsonSink, ndjsonSource } from "../../../src/connectors/ndjson/index.js";
import { parquetSink } from "../../../src/connectors/parquet/index.js";
import { textSink } from "../../../src/connectors/text/index.js";
import { defineJob, fixedDelayRestart, runDefinition } from "../../../src/runtime/index.js";
import { asyncMap } from "../../../src/stream/async-map.js";
import type { Order, OutputKind } from "./orders.js";

/**
 * Run as a process that may be killed at any moment: where orders are, a folder for output and
 * checkpoints, the kind of output, and "sync" to wait for the disk. It goes on where its last
 * checkpoint was, and prints FINISHED when all orders are in finished files.
 */
const [input = "", folder = "", kind = "ndjson", sync] = process.argv.slice(2);
const files = {
  path: `${folder}/out`,
  delivery: "exactly-once",
  sync: sync === "sync",
} as const;

const SINKS = {
  ndjson: () => ndjsonSink<Order>({ ...files, bufferSize: 2000, maxPartBytes: 20_000 }),
  "text.gz": () =>
    textSink<Order>({ ...files, compression: "gzip", format: ({ n, pad }) => `${n} ${pad}` }),
  parquet: () =>
    parquetSink<Order>({ ...files, columns: { n: "int32", pad: "string" }, rowGroupSize: 500 }),
} as const satisfies Record<OutputKind, unknown>;

const job = defineJob("files-to-files", (env) => {
  env
    .fromSource(ndjsonSource<Order>({ path: input, splitSize: 100_000 }))
    .pipe(
      // The work takes its time, so that processes are killed in the middle of it, with orders in flight.
      asyncMap<Order, Order>({
        name: "slowly",
        mode: "ordered",
        capacity: 20,
        fn: async (order) => (order.n % 20 === 0 ? wait(2, order) : order),
      }),
    )
    .sinkTo(SINKS[kind as OutputKind]());
});
const handle = await runDefinition(job, {
  parallelism: 2,
  resume: true,
  checkpoint: { interval: 4, directory: `${folder}/checkpoints` },
  restartStrategy: fixedDelayRestart({ attempts: 0 }),
});
console.log((await handle.done).state);
