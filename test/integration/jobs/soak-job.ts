import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { ndjsonSink, ndjsonSource } from "../../../src/connectors/ndjson/index.js";
import { boundedOutOfOrderness } from "../../../src/eventtime/index.js";
import { defineJob, fixedDelayRestart, runDefinition } from "../../../src/runtime/index.js";
import { asyncMap } from "../../../src/stream/async-map.js";
import { map } from "../../../src/stream/operators.js";
import { measure } from "./measure.js";
import { type Order, orderOf } from "./orders.js";
import type { SoakMeasurement, SoakPlan } from "./soak-plan.js";

/**
 * Run as a process with --expose-gc: folder, and the plan as JSON. It prints a line a measurement. The
 * work between two is the same each time, so what grows from one to the next is a leak.
 */
const [folder = "", json = ""] = process.argv.slice(2);
const plan = JSON.parse(json) as SoakPlan;
const input = `${folder}/in`;
mkdirSync(input, { recursive: true });

let files = 0;
let wantedFailures = 0;
let failures = 0;
let asked = 0;

/** Makes a file seen as a whole. */
function addFile(): void {
  let text = "";
  for (let i = 0; i < plan.ordersPerFile; i++) {
    text += `${JSON.stringify(orderOf(files * plan.ordersPerFile + i))}\n`;
  }
  writeFileSync(`${folder}/next`, text);
  renameSync(`${folder}/next`, `${input}/${String(files).padStart(6, "0")}.ndjson`);
  files++;
}

const job = defineJob("soak", (env) => {
  env
    .fromSource(
      ndjsonSource<Order>({ path: input, discoveryInterval: 10, splitSize: 2000 }),
      boundedOutOfOrderness<Order>(5)
        .withTimestampAssigner(({ n }) => n)
        .withIdleness(10),
    )
    .pipe(
      map((order) => {
        if (failures < wantedFailures) {
          failures++;
          throw new Error("a failure of the soak");
        }
        return order;
      }),
      asyncMap<Order, Order>({
        name: "waits",
        mode: "ordered",
        timeout: "10s",
        fn: async (order) => (order.n % 64 === 0 ? wait(1, order) : order),
      }),
    )
    .sinkTo(
      ndjsonSink<Order>({
        path: `${folder}/out`,
        delivery: "exactly-once",
        sync: false,
        bufferSize: 2000,
        maxPartBytes: 10_000,
      }),
    );
});

const handle = await runDefinition(job, {
  parallelism: 2,
  autoWatermarkInterval: 5,
  checkpoint: { interval: 2, directory: `${folder}/checkpoints` },
  restartStrategy: fixedDelayRestart({ attempts: 1_000_000, delay: 1 }),
});

function isThere(parts: number): boolean {
  const { completedCheckpoints } = handle.status();
  return completedCheckpoints >= parts * plan.checkpoints && files >= parts * plan.files;
}

/** What there is to do by now, as the checkpoints go by. */
function work(parts: number): void {
  const share = Math.min(handle.status().completedCheckpoints / plan.checkpoints, parts);
  while (files < share * plan.files) addFile();
  // A subtask fails on its next record.
  wantedFailures = Math.min(Math.floor(share * plan.restarts) + 1, parts * plan.restarts);
  if (asked >= share * plan.restarts) return;
  asked++;
  handle.checkpoint().catch(() => {});
}

for (let parts = 1; parts <= plan.measurements; parts++) {
  while (!isThere(parts)) {
    work(parts);
    await wait(2);
  }
  await wait(300);
  const { completedCheckpoints: checkpoints, restarts } = handle.status();
  const measurement: SoakMeasurement = { checkpoints, restarts, files, ...measure() };
  console.log(JSON.stringify(measurement));
}
await handle.stop();
const { state } = await handle.done;
console.log(JSON.stringify({ state, orders: files * plan.ordersPerFile }));
