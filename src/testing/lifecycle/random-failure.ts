import { AssertionError } from "node:assert";
import type fc from "fast-check";

/** Throws what a random test has found, with what runs it again. */
export function throwFailure<T>(
  option: "sequences" | "interleavings",
  details: fc.RunDetails<T>,
): void {
  if (!details.failed) return;
  const { seed, counterexample, counterexamplePath, numShrinks, errorInstance } = details;
  const text = [...((counterexample ?? []) as readonly unknown[])].map(String).join("\n");
  const replayPath = /replayPath="([^"]*)"/.exec(text)?.[1];
  const again = {
    seed,
    [option]: { path: counterexamplePath, ...(replayPath === undefined ? {} : { replayPath }) },
  };
  const found = errorInstance as { actual?: unknown; expected?: unknown; message?: string } | null;
  throw new AssertionError({
    message: [
      found?.message ?? `it fails before its first run: ${String(errorInstance)}`,
      `found by random ${option}, ${numShrinks} times made smaller: ${text}`,
      `run it again with the options ${JSON.stringify(again)}`,
    ].join("\n"),
    actual: found?.actual,
    expected: found?.expected,
    operator: "deepStrictEqual",
  });
}
