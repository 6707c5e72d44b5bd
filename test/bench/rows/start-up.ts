import { execFileSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { asyncIterableSource, defineJob, discardSink } from "../../../src/index.js";
import { type Benchmark, type Measurement, value } from "../benchmark.js";

const ENTRY = new URL("../../../../dist/src/index.js", import.meta.url).href;

/** What a new process does, from before the import to the first record. */
const PROGRAM = `
const started = performance.now();
const { defineJob, forEachSink, numberSequenceSource } = await import(${JSON.stringify(ENTRY)});
let first;
const job = defineJob("first", (env) => {
  env.fromSource(numberSequenceSource({ from: 1, to: 1 })).sinkTo(forEachSink(() => {
    first ??= performance.now() - started;
  }));
});
await (await job.run()).done;
console.log(first);
`;

async function firstRecord(): Promise<Measurement> {
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", PROGRAM]);
  const ms = Number(printed);
  return { ms, values: { firstRecordMs: ms } };
}

const IDLE_MS = 5000;

/** A job whose source has nothing to give. */
async function idle(scale: number): Promise<Measurement> {
  const job = defineJob("idle", (env) => {
    env.fromSource(asyncIterableSource(() => silence())).sinkTo(discardSink());
  });
  const handle = await job.run({ checkpoint: { interval: "1s" } });
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(2000);
  const before = process.cpuUsage();
  const started = performance.now();
  await wait(IDLE_MS * Math.max(scale, 0.4));
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  await handle.cancel();
  return { ms, values: { cpuPercent: (user + system) / 10 / ms } };
}

async function* silence(): AsyncGenerator<never> {
  await new Promise(() => {});
}

export const startUp: Benchmark = {
  work: "start and rest",
  contestants: { "first record": firstRecord, "idle job": idle },
  warmRuns: 1,
  goals: [
    value("import and first record", "first record", "firstRecordMs", { unit: "ms", atMost: 200 }),
    value("idle job, of one core", "idle job", "cpuPercent", { unit: "%", atMost: 1 }),
  ],
};
