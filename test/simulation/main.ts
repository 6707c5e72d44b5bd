import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setAutoFreeze } from "immer";
import { explore, exploreInChildren, type FailedSeed } from "./explore.js";
import { JOBS } from "./jobs/index.js";
import { type Plan, planOf } from "./plan.js";
import { memoryAfter } from "./process-memory.js";
import { journalOf, recordOf } from "./run-plan.js";
import { shrink } from "./shrink.js";

const USAGE = `usage: npm run simulate -- [options]
  --seeds <n>      how many seeds (default 1000)
  --seed <n>       the first of them (default: from the clock; printed)
  --job <name>     only this job, may be repeated: ${Object.keys(JOBS).join(", ")}
  --processes <n>  default: one a core
  --plan <file>    run this plan again and print its journal
  --record <file>  with --plan: write a record for headwater replay instead`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    seed: { type: "string" },
    job: { type: "string", multiple: true, default: Object.keys(JOBS) },
    processes: { type: "string", default: String(availableParallelism()) },
    plan: { type: "string" },
    record: { type: "string" },
    help: { type: "boolean", default: false },
    child: { type: "boolean", default: false },
    memory: { type: "boolean", default: false },
    step: { type: "string", default: "1" },
    "stop-after": { type: "string" },
  },
});

// Stacks cost time, and their lines would make journals differ from place to place.
Error.stackTraceLimit = 0;
// Freezing costs a tenth of the time, and tests run with it.
setAutoFreeze(false);
if (values.help) console.log(USAGE);
else if (values.plan !== undefined) await runAgain(values.plan, values.record);
else if (values.record !== undefined) throw new Error(`--record goes with --plan\n${USAGE}`);
else await run();

async function run(): Promise<void> {
  const first = values.seed === undefined ? Date.now() % 1_000_000_000 : wholeNumber("seed");
  const stopAfter =
    values["stop-after"] === undefined ? {} : { stopAfter: wholeNumber("stop-after") };
  const exploration = { first, seeds: wholeNumber("seeds"), jobs: values.job, ...stopAfter };
  const unknown = values.job.find((job) => !(job in JOBS));
  if (unknown !== undefined) throw new Error(`there is no simulated job ${unknown}\n${USAGE}`);
  if (values.child) {
    for (const failed of await explore(exploration, wholeNumber("step"))) {
      process.stdout.write(`${JSON.stringify(failed)}\n`);
    }
    return;
  }
  if (values.memory) {
    const { seeds, jobs } = exploration;
    // Caches fill up during the first; output comes last, for it holds resources.
    const before = await memoryAfter(first, seeds, jobs);
    const after = await memoryAfter(first + seeds, seeds, jobs);
    process.stdout.write(JSON.stringify([before, after]));
    return;
  }
  const begin = performance.now();
  const self = fileURLToPath(import.meta.url);
  const failed = await exploreInChildren(self, exploration, wholeNumber("processes"));
  const seconds = (performance.now() - begin) / 1000;
  const { seeds } = exploration;
  const pace = `${seeds} seeds from ${first} on in ${seconds.toFixed(1)} s (${Math.round(seeds / seconds)} a second)`;
  console.log(`${pace}: ${failed.length === 0 ? "every rule holds" : `${failed.length} failed`}`);
  for (const one of failed.slice(0, 3)) await tell(one);
  if (failed.length > 0) process.exitCode = 1;
}

/** Says what is wrong with a seed, as small as it gets, and writes its journal. */
async function tell({ seed, violations }: FailedSeed): Promise<void> {
  console.log(`\nseed ${seed}:\n  ${violations.join("\n  ")}`);
  const small = await shrink(planOf(seed, values.job));
  const directory = path.resolve("build", "simulation");
  mkdirSync(directory, { recursive: true });
  const [plan, journal, record] = ["plan.json", "journal", "ndjson"].map((kind) =>
    path.join(directory, `seed-${seed}.${kind}`),
  ) as [string, string, string];
  writeFileSync(plan, JSON.stringify(small, null, 1));
  writeFileSync(journal, (await journalOf(small)).toString());
  const { violations: left, record: recorded } = await recordOf(small);
  writeFileSync(record, recorded.toString());
  const { job, faults, actions, splits } = small;
  const records = splits.reduce((sum, split) => sum + split.records, 0);
  console.log(
    `  shrunk to job ${job}, ${records} records, faults ${JSON.stringify(faults)}, actions ${JSON.stringify(actions)}:`,
  );
  console.log(
    `  ${left.join("\n  ")}\n  journal: ${journal}\n  step by step: headwater replay ${record}\n  again: npm run simulate -- --plan ${plan}`,
  );
}

async function runAgain(file: string, record: string | undefined): Promise<void> {
  const plan = JSON.parse(readFileSync(file, "utf8")) as Plan;
  if (record === undefined) process.stdout.write((await journalOf(plan)).toString());
  else writeFileSync(record, (await recordOf(plan)).record.toString());
}

function wholeNumber(name: "seed" | "seeds" | "step" | "processes" | "stop-after"): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${name} takes a whole number, not ${values[name]}\n${USAGE}`);
}
