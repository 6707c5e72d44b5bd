import type { Measurement } from "./benchmark.js";
import { BENCHMARKS } from "./rows/index.js";

/** What a worker prints, as one line of JSON: its first run, and the ones after it. */
export interface WorkerReport {
  readonly first: Measurement;
  readonly warm: readonly Measurement[];
}

// node worker.js <row> <contestant> <scale>
const [row = "", contestant = "", scale = "1"] = process.argv.slice(2);
const benchmark = BENCHMARKS[row];
const run = benchmark?.contestants[contestant];
if (benchmark === undefined || run === undefined) {
  throw new Error(`there is no ${contestant} in ${row}`);
}
const first = await run(Number(scale));
const warm: Measurement[] = [];
for (let i = 0; i < (benchmark.warmRuns ?? 2); i++) warm.push(await run(Number(scale)));
console.log(JSON.stringify({ first, warm } satisfies WorkerReport));
process.exit(0);
