import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { kafkaSkipReason, startKafka } from "../../support/kafka/kafka-broker.js";
import { machine, type Row, rowsOf, table } from "../report.js";
import { createTopic, fillTopic } from "./broker-topics.js";
import { measureRow } from "./measure-row.js";
import { installPeers } from "./peers-directory.js";
import { type KafkaRow, ROWS, TOPICS } from "./rows.js";

const USAGE = `npm run bench:kafka -- [--quick] [--only a,b] [--flink] [--json file]
  --quick: half of the records that are read, a tenth of those written, one round, in about 8 minutes once the other clients are installed
  --flink: a job of Flink 2.2.1 with its KafkaSource as one more reader
  rows: ${ROWS.map(({ name }) => name).join(", ")}`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    flink: { type: "boolean", default: false },
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
/** Less is read in the time that starting takes, and in the time of one fetch. */
const readScale = values.quick ? 0.5 : 1;
const rounds = values.quick ? 1 : 3;
/** Of one process; the first is cold, and compilers, Java's and V8's, need more than one to settle. */
const runsOf = ({ runTime }: KafkaRow): number => {
  if (runTime === undefined) return 5;
  return values.quick ? 2 : 3;
};
/** Milliseconds of a client's runs at most. */
const LONGEST = 300_000;
/** When a quick run is to be over, milliseconds from when the peers are installed; whoever starts late may still take the least. */
const QUICK = 420_000;
const QUICK_LEAST = 8000;
const NO_FIGURE = { must: "", warm: "–", first: "", reached: "", rates: "" } as const;
const chosen = ROWS.filter(({ name }) => wanted.includes(name));
const directory = mkdtempSync(join(tmpdir(), "headwater-bench-kafka-"));
const missing = await installPeers();
for (const [name, reason] of missing) console.error(`without ${name}: ${reason}`);
const started = performance.now();
const broker = await startKafka({ properties: { "log.retention.ms": -1 } });
const rows: Row[] = [];
const measured: Record<string, unknown> = {};
try {
  const topics = TOPICS.filter(({ name }) => chosen.some(({ topic }) => topic === name)).map(
    (topic) => ({ ...topic, records: topic.records * readScale }),
  );
  for (const name of ["written", "late"]) await createTopic(broker, name);
  for (const topic of topics) await fillTopic(broker, topic, directory);
  const isAsked = (client: string): boolean =>
    client === "flink" ? values.flink : !missing.has(client);
  let waiting = chosen.flatMap(({ clients }) => clients.filter(isAsked)).length * rounds;
  /** Twice its share of what is left: most need less. */
  const limit = (row: KafkaRow): number => {
    if (!values.quick) return LONGEST;
    const share = (2 * (QUICK + started - performance.now())) / Math.max(1, waiting--);
    return Math.ceil(Math.max(QUICK_LEAST + 2 * runsOf(row) * (row.runTime ?? 0), share));
  };
  for (const row of chosen) {
    const { results, failures } = await measureRow(row, {
      broker,
      scale: row.records === undefined ? readScale : scale,
      rounds,
      runs: runsOf(row),
      missing,
      withFlink: values.flink,
      limit: () => limit(row),
      records: topics.find(({ name }) => name === row.topic)?.records ?? (row.records ?? 0) * scale,
    });
    measured[row.name] = results;
    // A client that is not there, or has failed, has no figure.
    const goals = row.goals.filter(({ figure }) => {
      try {
        return !Number.isNaN(figure(results));
      } catch {
        return false;
      }
    });
    const lines = rowsOf({ ...row, goals, contestants: {} }, results);
    rows.push(...lines);
    for (const [client, failure] of failures) {
      const work = lines.length === 0 ? row.work : "";
      rows.push({ ...NO_FIGURE, work, what: `${client}: ${failure}` });
    }
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
const [load = 0] = loadavg();
console.log(
  `${machine()}, load ${load.toFixed(1)}${scale === 1 ? "" : `, scale ${scale}`}\n\n${table(rows)}`,
);
