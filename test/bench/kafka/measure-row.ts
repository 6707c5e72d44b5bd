import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { KafkaBroker } from "../../support/kafka/kafka-broker.js";
import type { Measurement, Result } from "../benchmark.js";
import { PARTITIONS } from "./broker-topics.js";
import type { ReadTask } from "./clients/client.js";
import type { Peers } from "./peers-directory.js";
import type { KafkaRow } from "./rows.js";

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));
const JAVA = fileURLToPath(
  new URL("../../../../test/bench/kafka/java/ReadTopic.java", import.meta.url),
);
/** The first run of a process is cold. */
const RUNS = 3;
/** Java's compiler needs more than one to settle. */
const JAVA_RUNS = 5;
const LONGEST = 300_000;

export interface RowOptions {
  readonly broker: KafkaBroker;
  readonly scale: number;
  readonly rounds: number;
  readonly peers: Peers;
  /** In the row's topic. */
  readonly records: number;
}

/**
 * Runs a row's clients in turn, each in a new process; medians of the rounds, with the times of those that
 * read a part only as if they had read as many as the first.
 */
export async function measureRow(
  row: KafkaRow,
  { broker, scale, rounds, peers, records }: RowOptions,
): Promise<Readonly<Record<string, Result>>> {
  const isMissing = (client: string): boolean => peers.missing.some(({ name }) => name === client);
  const runs = new Map<string, { first: Measurement[]; warm: Measurement[] }>();
  for (let round = 0; round < rounds; round++) {
    for (const client of row.clients) {
      if (isMissing(client)) continue;
      console.error(`${row.name}: ${client} …`);
      const task: ReadTask = {
        broker: broker.bootstrap,
        topic: row.topic,
        partitions: PARTITIONS,
        records,
        // A number that JSON can hold.
        atMost: Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(row.atMost * scale)),
        peers: peers.directory,
      };
      const printed =
        client === "java" ? await runJava(broker, task) : await runWorker(client, task);
      const [first, ...warm] = printed;
      if (first === undefined) throw new Error(`${client} printed nothing`);
      const all = runs.get(client) ?? { first: [], warm: [] };
      all.first.push(first);
      all.warm.push(...warm);
      runs.set(client, all);
    }
  }
  const base = runs.get(row.clients[0] ?? "")?.first[0]?.records ?? 0;
  return Object.fromEntries(
    [...runs].map(([client, { first, warm }]) => [client, sum(first, warm, base)]),
  );
}

async function runWorker(client: string, task: ReadTask): Promise<readonly Measurement[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--max-old-space-size=4096", WORKER, client, JSON.stringify(task), String(RUNS)],
    { maxBuffer: 1 << 24, timeout: LONGEST },
  );
  return measurementsIn(stdout);
}

/** Java compiles the one file and runs it. */
async function runJava(broker: KafkaBroker, task: ReadTask): Promise<readonly Measurement[]> {
  const { topic, partitions, records } = task;
  const args = [task.broker, topic, partitions, records, JAVA_RUNS].map(String);
  return measurementsIn(await broker.runTool(JAVA, args));
}

function measurementsIn(printed: string): Measurement[] {
  return printed
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Measurement);
}

function sum(first: readonly Measurement[], warm: readonly Measurement[], base: number): Result {
  // Rows without records are about their values.
  const timeOf = ({ ms, records = 0 }: Measurement): number =>
    base === 0 || records === 0 ? ms : (ms / records) * base;
  const names = Object.keys(warm[0]?.values ?? {});
  return {
    first: median(first.map(timeOf)),
    warm: median(warm.map(timeOf)),
    records: base,
    values: Object.fromEntries(
      names.map((name) => [name, median(warm.map((run) => run.values?.[name] ?? Number.NaN))]),
    ),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
