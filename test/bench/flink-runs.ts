import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Measurement } from "./benchmark.js";
import type { WorkerReport } from "./worker.js";

const POM = fileURLToPath(new URL("../../../test/bench/flink/pom.xml", import.meta.url));
/** One first run and so many warm ones in one JVM; Java's compiler needs more than one to settle. */
const ROUNDS = 4;

/** Whether Java and Maven are there. */
export async function canRunFlink(): Promise<boolean> {
  try {
    await promisify(execFile)("mvn", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

/** Runs a job on Flink in a JVM of its own; the start of the JVM and of the cluster is not counted. */
export async function runFlink(
  job: "numbers" | "lines" | "kafka",
  input: string,
  rounds = ROUNDS,
): Promise<WorkerReport> {
  const { stdout } = await promisify(execFile)(
    "mvn",
    [
      "-q",
      "-f",
      POM,
      "compile",
      "exec:exec",
      `-Djob=${job}`,
      `-Dinput=${input}`,
      `-Drounds=${rounds}`,
    ],
    { maxBuffer: 1 << 24 },
  );
  const runs = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Measurement);
  const [first, ...warm] = runs;
  if (first === undefined) throw new Error(`Flink printed no result:\n${stdout}`);
  return { first, warm };
}
