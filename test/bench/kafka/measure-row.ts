import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { KafkaBroker } from "../../support/kafka/kafka-broker.js";
import type { Measurement, Result } from "../benchmark.js";
import { runFlink } from "../flink-runs.js";
import { PARTITIONS } from "./broker-topics.js";
import type { ReadTask } from "./clients/client.js";
import type { Peers } from "./peers-directory.js";
import type { KafkaRow } from "./rows.js";

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));
const JAVA = fileURLToPath(
  new URL("../../../../test/bench/kafka/java/ReadTopic.java", import.meta.url),
);

export interface RowOptions {
  readonly broker: KafkaBroker;
  readonly scale: number;
  readonly rounds: number;
  /** Of a client in one process; the first is cold. */
  readonly runs: number;
  readonly peers: Peers;
  readonly withFlink: boolean;
  /** How long the next client may take for all of its runs, milliseconds. */
  readonly limit: () => number;
  /** In the row's topic; of a row that writes, how many. */
  readonly records: number;
}

/** What came of a row. */
export interface Measured {
  readonly results: Readonly<Record<string, Result>>;
  /** Why a client has no figures, by its name. */
  readonly failures: ReadonlyMap<string, string>;
}

/**
 * Runs a row's clients in turn, each in a new process; medians of the rounds, with the times of those that
 * read a part only as if they had read as many as the first. One that fails or takes too long is left out
 * of the rounds that follow; its runs until then count.
 */
export async function measureRow(
  row: KafkaRow,
  { broker, scale, rounds, runs, peers, withFlink, limit, records }: RowOptions,
): Promise<Measured> {
  const isMissing = (client: string): boolean =>
    client === "flink" ? !withFlink : peers.missing.some(({ name }) => name === client);
  const all = new Map<string, { first: Measurement[]; warm: Measurement[] }>();
  const failures = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (const client of row.clients) {
      if (isMissing(client) || failures.has(client)) continue;
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
      const { runs: printed, failure } = await run({ broker, client, task, runs, limit: limit() });
      const [first, ...warm] = printed;
      if (failure !== undefined) {
        console.error(`${row.name}: ${client}: ${failure}`);
        failures.set(client, failure);
      }
      if (first === undefined) continue;
      const kept = all.get(client) ?? { first: [], warm: [] };
      kept.first.push(first);
      kept.warm.push(...warm);
      all.set(client, kept);
    }
  }
  const base = all.get(row.clients[0] ?? "")?.first[0]?.records ?? 0;
  const results = Object.fromEntries(
    [...all].map(([client, { first, warm }]) => [client, sum(first, warm, base)]),
  );
  return { results, failures };
}

/** The runs of a client, and what ended them early. */
interface Runs {
  readonly runs: readonly Measurement[];
  readonly failure?: string;
}

/** What a client is to do. */
interface Order {
  readonly broker: KafkaBroker;
  readonly client: string;
  readonly task: ReadTask;
  readonly runs: number;
  /** Milliseconds for all runs. */
  readonly limit: number;
}

async function run(order: Order): Promise<Runs> {
  const { client, task, runs } = order;
  try {
    if (client === "java") return await runJava(order);
    if (client !== "flink") return await runWorker(order);
    const { first, warm } = await runFlink("kafka", `${task.broker}/${task.topic}`, runs);
    return { runs: [first, ...warm] };
  } catch (error) {
    const [line = ""] = (error as Error).message.split("\n").slice(-1);
    return { runs: [], failure: line };
  }
}

async function runWorker({ client, task, runs, limit }: Order): Promise<Runs> {
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--max-old-space-size=4096", WORKER, client, JSON.stringify(task), String(runs)],
      { maxBuffer: 1 << 24, timeout: limit, killSignal: "SIGKILL" },
    );
    return { runs: measurementsIn(stdout) };
  } catch (error) {
    const { killed, stdout, stderr } = error as {
      readonly killed?: boolean;
      readonly stdout?: string;
      readonly stderr?: string;
    };
    const reason = stderr?.split("\n").find((line) => /error/i.test(line)) ?? String(error);
    return {
      runs: measurementsIn(stdout ?? ""),
      failure: killed === true ? tookLonger(limit) : reason.trim(),
    };
  }
}

/** Java compiles the one file and runs it; it ends by itself when its time is over. */
async function runJava({ broker, task, runs: wanted, limit }: Order): Promise<Runs> {
  const { topic, partitions, records } = task;
  const args = [task.broker, topic, partitions, records, wanted, Math.ceil(limit)].map(String);
  const runs = measurementsIn(await broker.runTool(JAVA, args));
  return runs.length < wanted ? { runs, failure: tookLonger(limit) } : { runs };
}

function tookLonger(limit: number): string {
  return `it was not done after ${Math.round(limit / 1000)} s`;
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
  // Of one that was not done there may be no other runs.
  const counted = warm.length === 0 ? first : warm;
  const names = Object.keys(counted[0]?.values ?? {});
  return {
    first: median(first.map(timeOf)),
    warm: median(counted.map(timeOf)),
    records: base,
    values: Object.fromEntries(
      names.map((name) => [name, median(counted.map((run) => run.values?.[name] ?? Number.NaN))]),
    ),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
