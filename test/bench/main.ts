import { rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DATA } from "./data/line-files.js";
import { canRunFlink } from "./flink-runs.js";
import { measure } from "./measure.js";
import { machine, type Row, rowsOf, table } from "./report.js";
import { BENCHMARKS } from "./rows/index.js";

const USAGE = `npm run bench -- [--only a,b] [--scale 0.1] [--json file] [--flink]
  --flink: the rows that Flink can do, with Flink 2.2.1 as one more contestant (needs Java 17 and Maven)
  rows: ${Object.keys(BENCHMARKS).join(", ")}`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    scale: { type: "string", default: "1" },
    json: { type: "string", default: "build/bench.json" },
    flink: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const names =
  values.only?.split(",") ??
  Object.keys(BENCHMARKS).filter((name) => !values.flink || BENCHMARKS[name]?.flink !== undefined);
const unknown = names.filter((name) => !(name in BENCHMARKS));
const scale = Number(values.scale);
if (values.help || unknown.length > 0 || !(scale > 0)) {
  console.error(unknown.length > 0 ? `no row ${unknown.join(", ")}\n${USAGE}` : USAGE);
  process.exit(values.help ? 0 : 1);
}
if (values.flink && !(await canRunFlink())) {
  console.error("skipped: the comparison with Flink needs Java 17 and Maven (mvn) on the path");
  process.exit(0);
}

const rows: Row[] = [];
const measured: Record<string, unknown> = {};
try {
  for (const name of names) {
    const benchmark = BENCHMARKS[name];
    if (benchmark === undefined) continue;
    console.error(`${name} …`);
    const results = await measure(name, benchmark, scale, values.flink);
    measured[name] = results;
    rows.push(...rowsOf(benchmark, results, values.flink));
  }
} finally {
  rmSync(DATA, { recursive: true, force: true });
}
writeFileSync(
  values.json,
  `${JSON.stringify({ machine: machine(), scale, measured, rows }, undefined, 2)}\n`,
);
console.log(`${machine()}${scale === 1 ? "" : `, scale ${scale}`}\n\n${table(rows)}`);
