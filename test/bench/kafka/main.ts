import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { kafkaSkipReason, startKafka } from "../../support/kafka/kafka-broker.js";
import { machine, type Row, rowsOf, table } from "../report.js";
import { createTopic, fillTopic } from "./broker-topics.js";
import { measureRow } from "./measure-row.js";
import { installPeers } from "./peers-directory.js";
import { ROWS, TOPICS } from "./rows.js";

const USAGE = `npm run bench:kafka -- [--quick] [--only a,b] [--json file]
  --quick: a tenth of the records, one round
  rows: ${ROWS.map(({ name }) => name).join(", ")}`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string", default: "build/bench-kafka.json" },
    help: { type: "boolean", default: false },
  },
});
const wanted = values.only?.split(",") ?? ROWS.map(({ name }) => name);
const unknown = wanted.filter((name) => ROWS.every((row) => row.name !== name));
if (values.help || unknown.length > 0) {
  console.error(unknown.length > 0 ? `no row ${unknown.join(", ")}\n${USAGE}` : USAGE);
  process.exit(values.help ? 0 : 1);
}
const why = kafkaSkipReason();
if (why !== undefined) {
  console.error(`skipped: ${why}`);
  process.exit(0);
}

const scale = values.quick ? 0.1 : 1;
const rounds = values.quick ? 1 : 3;
const chosen = ROWS.filter(({ name }) => wanted.includes(name));
const directory = mkdtempSync(join(tmpdir(), "headwater-bench-kafka-"));
const peers = await installPeers(directory);
for (const { name, reason } of peers.missing) console.error(`without ${name}: ${reason}`);
const broker = await startKafka({ properties: { "log.retention.ms": -1 } });
const rows: Row[] = [];
const measured: Record<string, unknown> = {};
try {
  const topics = TOPICS.filter(({ name }) => chosen.some(({ topic }) => topic === name)).map(
    (topic) => ({ ...topic, records: topic.records * scale }),
  );
  for (const name of ["written", "late"]) await createTopic(broker, name);
  for (const topic of topics) await fillTopic(broker, topic, directory);
  for (const row of chosen) {
    const results = await measureRow(row, {
      broker,
      scale,
      rounds,
      peers,
      records: topics.find(({ name }) => name === row.topic)?.records ?? 0,
    });
    measured[row.name] = results;
    // A peer that could not be installed has no figure.
    const goals = row.goals.filter(({ figure }) => {
      try {
        return !Number.isNaN(figure(results));
      } catch {
        return false;
      }
    });
    rows.push(...rowsOf({ ...row, goals, contestants: {} }, results));
  }
} finally {
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
}
mkdirSync("build", { recursive: true });
writeFileSync(
  values.json,
  `${JSON.stringify({ machine: machine(), scale, measured, rows }, undefined, 2)}\n`,
);
console.log(`${machine()}${scale === 1 ? "" : `, scale ${scale}`}\n\n${table(rows)}`);
