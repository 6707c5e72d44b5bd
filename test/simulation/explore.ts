import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { planOf } from "./plan.js";
import { runPlan } from "./run-plan.js";

/** A seed whose run broke rules. */
export interface FailedSeed {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** Which seeds are run. */
export interface Exploration {
  readonly first: number;
  readonly seeds: number;
  readonly jobs: readonly string[];
  /** Seeds that may fail before the rest is left; default: all run. */
  readonly stopAfter?: number;
}

/** Runs the seeds in this process, one after the other. */
export async function explore(
  { first, seeds, jobs, stopAfter = Number.POSITIVE_INFINITY }: Exploration,
  step = 1,
): Promise<readonly FailedSeed[]> {
  const failed: FailedSeed[] = [];
  for (let seed = first; seed < first + seeds && failed.length < stopAfter; seed += step) {
    const violations = await violationsOf(seed, jobs);
    if (violations.length > 0) failed.push({ seed, violations });
  }
  return failed;
}

async function violationsOf(seed: number, jobs: readonly string[]): Promise<readonly string[]> {
  const escaped: string[] = [];
  const keep = (error: unknown): void => {
    escaped.push(`an error escaped: ${String(error)}`);
  };
  process.on("uncaughtException", keep);
  process.on("unhandledRejection", keep);
  try {
    const { violations } = await runPlan(planOf(seed, jobs));
    return [...violations, ...escaped];
  } catch (error) {
    return [`the simulator failed: ${String(error)}`];
  } finally {
    process.off("uncaughtException", keep);
    process.off("unhandledRejection", keep);
  }
}

/**
 * A child lives for seconds: half of what the optimizing compiler does would come too late. Later versions
 * of Node refuse to start with this flag.
 */
const OPTIMIZE_LATER = process.versions.node.startsWith("20.") ? ["--interrupt-budget=400000"] : [];

/** How Node runs seeds: classes report to the census, and garbage is collected in the one thread. */
export function nodeFlags(main: string): readonly string[] {
  const census = new URL("census-loader.js", pathToFileURL(main));
  return [
    `--import=${census}`,
    // The compiler that costs next to nothing comes first.
    "--always-sparkplug",
    ...OPTIMIZE_LATER,
    "--single-threaded-gc",
    // What goes straight into the old generation keeps its run alive in each scavenge.
    "--no-allocation-site-pretenuring",
    "--min-semi-space-size=32",
    "--max-semi-space-size=64",
  ];
}

/** Runs the seeds in several processes of the given program; each prints what failed, a line a seed. */
export async function exploreInChildren(
  main: string,
  exploration: Exploration,
  children: number,
): Promise<readonly FailedSeed[]> {
  const { first, seeds, jobs, stopAfter } = exploration;
  const runs = Array.from({ length: Math.min(children, seeds) }, (_, child) =>
    failuresOf(main, [
      "--child",
      `--seed=${first + child}`,
      `--seeds=${seeds - child}`,
      `--step=${children}`,
      ...jobs.map((job) => `--job=${job}`),
      ...(stopAfter === undefined ? [] : [`--stop-after=${stopAfter}`]),
    ]),
  );
  return (await Promise.all(runs)).flat().sort((a, b) => a.seed - b.seed);
}

async function failuresOf(main: string, args: readonly string[]): Promise<readonly FailedSeed[]> {
  const child = spawn(process.execPath, [...nodeFlags(main), main, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const failed: FailedSeed[] = [];
  createInterface(child.stdout).on("line", (line) => failed.push(JSON.parse(line) as FailedSeed));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`a simulator process ended with ${code}`);
  return failed;
}
