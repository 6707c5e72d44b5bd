import {
  registerSuite,
  runSuite,
  type SuiteCase,
  type SuiteReport,
  throwFailures,
} from "../harness/suite.js";
import { crashCases } from "./crash-cases.js";
import type { TestedTarget, TestSinkOptions } from "./tested-sink.js";
import { writingCases } from "./writing-cases.js";

/**
 * Registers vitest tests of a sink, each in a whole job: writing to the end, savepoints, other parallelism,
 * failures before and after each commit, back-pressure, closing, serializers, metrics.
 *
 * Call it where `describe` may be called. What the sink `lacks` is skipped, and the test's name says why.
 */
export function testSink<T, TargetT extends TestedTarget<T>>(
  name: string,
  options: TestSinkOptions<T, TargetT>,
): void {
  registerSuite(name, sinkCases(options));
}

/** The same without vitest, all at once: what passed and what failed. Never rejects. */
export function runSinkSuite<T, TargetT extends TestedTarget<T>>(
  options: TestSinkOptions<T, TargetT>,
): Promise<SuiteReport> {
  return runSuite(sinkCases(options));
}

/** The same; rejects with an error that names every test that failed. */
export async function checkSink<T, TargetT extends TestedTarget<T>>(
  name: string,
  options: TestSinkOptions<T, TargetT>,
): Promise<void> {
  throwFailures(name, await runSinkSuite(options));
}

/** The tests, to pick from. */
export function sinkCases<T, TargetT extends TestedTarget<T>>(
  options: TestSinkOptions<T, TargetT>,
): readonly SuiteCase[] {
  return [...writingCases(options), ...crashCases(options)];
}
