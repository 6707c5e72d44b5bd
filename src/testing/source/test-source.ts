import {
  registerSuite,
  runSuite,
  type SuiteCase,
  type SuiteReport,
  throwFailures,
} from "../harness/suite.js";
import { contractCases } from "./contract-cases.js";
import { readingCases } from "./reading-cases.js";
import { recoveryCases } from "./recovery-cases.js";
import type { TestedSystem, TestSourceOptions } from "./tested-source.js";

/**
 * Registers vitest tests of a source, each in a whole job: reading with any number of readers, savepoints,
 * other parallelism, failures, every record boundary, pauses and wake-ups, serializers, closing, metrics.
 *
 * Call it where `describe` may be called. What the source `lacks` is skipped, and the test's name says why.
 */
export function testSource<T, SystemT extends TestedSystem<T>>(
  name: string,
  options: TestSourceOptions<T, SystemT>,
): void {
  registerSuite(name, sourceCases(options));
}

/** The same without vitest, all at once: what passed and what failed. Never rejects. */
export function runSourceSuite<T, SystemT extends TestedSystem<T>>(
  options: TestSourceOptions<T, SystemT>,
): Promise<SuiteReport> {
  return runSuite(sourceCases(options));
}

/** The same; rejects with an error that names every test that failed. */
export async function checkSource<T, SystemT extends TestedSystem<T>>(
  name: string,
  options: TestSourceOptions<T, SystemT>,
): Promise<void> {
  throwFailures(name, await runSourceSuite(options));
}

/** The tests, to pick from. */
export function sourceCases<T, SystemT extends TestedSystem<T>>(
  options: TestSourceOptions<T, SystemT>,
): readonly SuiteCase[] {
  return [...readingCases(options), ...recoveryCases(options), ...contractCases(options)];
}
