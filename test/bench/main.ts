import { rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DATA } from "./data/line-files.js";
import { measure } from "./measure.js";
import { machine, type Row, rowsOf, table } from "./report.js";
import { BENCHMARKS } from "./rows/index.js";

const USAGE = `npm run bench -- [--only a,b] [--scale 0.1] [--json file]
  rows: ${Object.keys(BENCHMARKS).join(", ")}`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    scale: { type: "string", default: "1" },
    json: { type: "string", default: "build/bench.json" },
    help: { type: "boolean", default: false },
  },
});
const names = values.only?.split(",") ?? Object.keys(BENCHMARKS);
const unknown = names.filter((name) => !(name in BENCHMARKS));
const scale = Number(values.scale);
if (values.help || unknown.length > 0 || !(scale > 0)) {
  console.error(unknown.length > 0 ? `no row ${unknown.join(", ")}\n${USAGE}` : USAGE);
  process.exit(values.help ? 0 : 1);
}

const rows: Row[] = [];
const measured: Record<string, unknown> = {};
try {
  for (const name of names) {
    const benchmark = BENCHMARKS[name];
    if (benchmark === undefined) continue;
    console.error(`${name} …`);
    const results = await measure(name, benchmark, scale);
    measured[name] = results;
    rows.push(...rowsOf(benchmark, results));
  }
} finally {
  rmSync(DATA, { recursive: true, force: true });
}
writeFileSync(
  values.json,
  `${JSON.stringify({ machine: machine(), scale, measured, rows }, undefined, 2)}\n`,
);
console.log(`${machine()}${scale === 1 ? "" : `, scale ${scale}`}\n\n${table(rows)}`);
