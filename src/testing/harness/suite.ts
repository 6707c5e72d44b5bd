import { describe, it } from "vitest";
import { messageOf } from "../../errors/index.js";
import { failed } from "./failed.js";

/** One test of a suite. */
export interface SuiteCase {
  /** What has to hold, as a sentence without its subject. */
  readonly name: string;
  /** Why it is not tried. */
  readonly notTried?: string | undefined;
  run(): Promise<void>;
}

/** What a suite found, without vitest. */
export interface SuiteReport {
  readonly passed: readonly string[];
  readonly failures: readonly { readonly name: string; readonly error: unknown }[];
  /** What does not apply, with the reason. */
  readonly notTried: readonly string[];
}

/** Milliseconds that one test may take on a busy machine. */
const TIMEOUT = 120_000;

/** Registers the cases with vitest; one that is not tried is skipped, and its name says why. */
export function registerSuite(name: string, cases: readonly SuiteCase[]): void {
  describe(name, () => {
    for (const { name, notTried, run } of cases) {
      if (notTried === undefined) it(name, { timeout: TIMEOUT }, run);
      else it.skip(titleOf(name, notTried), () => {});
    }
  });
}

/** Runs all cases, one after the other. */
export async function runSuite(cases: readonly SuiteCase[]): Promise<SuiteReport> {
  const passed: string[] = [];
  const failures: { name: string; error: unknown }[] = [];
  const notTried: string[] = [];
  for (const one of cases) {
    if (one.notTried !== undefined) {
      notTried.push(titleOf(one.name, one.notTried));
      continue;
    }
    try {
      await one.run();
      passed.push(one.name);
    } catch (error) {
      failures.push({ name: one.name, error });
    }
  }
  return { passed, failures, notTried };
}

/** Throws one error that names every case that failed. */
export function throwFailures(name: string, { failures }: SuiteReport): void {
  if (failures.length === 0) return;
  const lines = failures.map((one) => `- ${one.name}: ${messageOf(one.error)}`);
  throw failed(`${name} fails ${failures.length} tests\n${lines.join("\n")}`, failures[0]?.error);
}

function titleOf(name: string, reason: string): string {
  return `${name} (not tried: ${reason})`;
}
