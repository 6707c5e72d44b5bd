import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Benchmark, Measurement, Result } from "./benchmark.js";
import { runFlink } from "./flink-runs.js";
import type { WorkerReport } from "./worker.js";

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));
const ROUNDS = 3;

/** Runs the contestants of a row in turn, each in a new process, three rounds; medians of the rounds. */
export async function measure(
  name: string,
  benchmark: Benchmark,
  scale: number,
  withFlink = false,
): Promise<Readonly<Record<string, Result>>> {
  const reports = new Map<string, WorkerReport[]>();
  for (let round = 0; round < ROUNDS; round++) {
    const note = (contestant: string, report: WorkerReport) =>
      reports.set(contestant, [...(reports.get(contestant) ?? []), report]);
    for (const contestant of Object.keys(benchmark.contestants)) {
      note(contestant, await runWorker(name, contestant, scale));
    }
    const { flink } = benchmark;
    if (withFlink && flink !== undefined) {
      note("flink", await runFlink(flink.job, await flink.input(scale)));
    }
  }
  return Object.fromEntries([...reports].map(([contestant, runs]) => [contestant, sum(runs)]));
}

async function runWorker(row: string, contestant: string, scale: number): Promise<WorkerReport> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--max-old-space-size=4096", WORKER, row, contestant, String(scale)],
    { maxBuffer: 1 << 24 },
  );
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as WorkerReport;
}

function sum(runs: readonly WorkerReport[]): Result {
  const warm = runs.flatMap((run) => run.warm);
  const names = Object.keys(warm[0]?.values ?? {});
  const figure = (name: string) => (run: Measurement) => run.values?.[name] ?? Number.NaN;
  return {
    first: median(runs.map((run) => run.first.ms)),
    warm: median(warm.map((run) => run.ms)),
    records: warm[0]?.records ?? 0,
    values: Object.fromEntries(names.map((name) => [name, median(warm.map(figure(name)))])),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
