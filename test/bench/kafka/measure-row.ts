import { fileURLToPath } from "node:url";
import type { KafkaBroker } from "../../support/kafka/kafka-broker.js";
import type { Measurement, Result } from "../benchmark.js";
import { runFlink } from "../flink-runs.js";
import { PARTITIONS } from "./broker-topics.js";
import { ClientProcess } from "./client-process.js";
import type { ReadTask } from "./clients/client.js";
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
  /** Clients that can't be run here. */
  readonly missing: ReadonlyMap<string, string>;
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
 * Runs a row's clients, each in a process of its own, one run of each after the other, and Flink behind them;
 * medians of the rounds, each with new processes, with the times of those that read a part only as if they had
 * read as many as the first. One that fails or takes too long is left out from then on; its runs until then count.
 */
export async function measureRow(row: KafkaRow, options: RowOptions): Promise<Measured> {
  const { broker, rounds, runs, missing, withFlink } = options;
  const all = new Map<string, { first: Measurement[]; warm: Measurement[] }>();
  const failures = new Map<string, string>();
  const note = (client: string, run: number, measurement: Measurement): void => {
    const kept = all.get(client) ?? { first: [], warm: [] };
    (run === 0 ? kept.first : kept.warm).push(measurement);
    all.set(client, kept);
  };
  const fail = (client: string, error: unknown): void => {
    const [line = ""] = (error as Error).message.split("\n").slice(-1);
    console.error(`${row.name}: ${client}: ${line}`);
    failures.set(client, line);
  };
  const isWanted = (client: string): boolean => !failures.has(client) && !missing.has(client);
  for (let round = 0; round < rounds; round++) {
    const clients = new Map(
      row.clients
        .filter((client) => client !== "flink" && isWanted(client))
        .map((client) => [client, start(row, client, options)]),
    );
    for (let run = 0; run < runs; run++) {
      for (const [client, process] of clients) {
        console.error(`${row.name}: ${client} …`);
        try {
          const { whole, ...measurement } = await process.run();
          note(client, run, measurement);
          if (whole !== undefined) note(`${client}, whole job`, run, whole);
        } catch (error) {
          fail(client, error);
          process.end();
          clients.delete(client);
        }
      }
    }
    for (const process of clients.values()) process.end();
    if (!withFlink || !row.clients.includes("flink") || !isWanted("flink")) continue;
    console.error(`${row.name}: flink …`);
    try {
      const { first, warm } = await runFlink("kafka", `${broker.bootstrap}/${row.topic}`, runs);
      for (const [run, measurement] of [first, ...warm].entries()) note("flink", run, measurement);
    } catch (error) {
      fail("flink", error);
    }
  }
  const base = all.get(row.clients[0] ?? "")?.first[0]?.records ?? 0;
  const results = Object.fromEntries(
    [...all].map(([client, { first, warm }]) => [client, sum(first, warm, base)]),
  );
  return { results, failures };
}

function start(
  row: KafkaRow,
  client: string,
  { broker, scale, limit, records }: RowOptions,
): ClientProcess {
  const { topic } = row;
  if (client === "java") {
    // Java compiles the one file and runs it.
    const args = [broker.bootstrap, topic, PARTITIONS, records].map(String);
    return new ClientProcess(["java", ...broker.toolArguments(JAVA, args)], limit());
  }
  const task: ReadTask = {
    broker: broker.bootstrap,
    topic,
    partitions: PARTITIONS,
    records,
    // A number that JSON can hold.
    atMost: Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(row.atMost * scale)),
  };
  const node = [process.execPath, "--max-old-space-size=4096", WORKER];
  return new ClientProcess([...node, client, JSON.stringify(task)], limit());
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
