import { expect } from "vitest";
import type { SqlSource } from "../../../src/sql/source/index.js";
import { readAll, type SourceCheckpoint, SourceRun } from "../../connectors/source-run.js";

/** Reads it with as many subtasks. */
export function read<T>(source: SqlSource<T>, parallelism = 1): Promise<T[]> {
  return readAll(source as never, { parallelism });
}

/** The same splits, dealt out to other subtasks. */
export function rescaled(checkpoint: SourceCheckpoint, parallelism: number): SourceCheckpoint {
  const splits = Array.from({ length: parallelism }, (): Uint8Array[] => []);
  for (const [i, split] of checkpoint.splits.flat().entries()) splits[i % parallelism]?.push(split);
  return { enumerator: checkpoint.enumerator, splits };
}

/** Takes so many records, keeps a checkpoint, and reads the rest with another number of subtasks. */
export async function readInTwoLives<T>(
  source: SqlSource<T>,
  taken: number,
  parallelism: readonly [number, number],
): Promise<T[]> {
  const first = new SourceRun(source, { parallelism: parallelism[0] }).start();
  let records: T[];
  let checkpoint: SourceCheckpoint;
  try {
    records = await first.take(taken);
    checkpoint = first.checkpoint();
  } finally {
    await first.close();
  }
  const restore = rescaled(checkpoint, parallelism[1]);
  return [
    ...records,
    ...(await readAll(source as never, { parallelism: parallelism[1], restore })),
  ] as T[];
}

/** What a job of the source fails with. */
export async function failureOf(source: SqlSource<unknown>): Promise<Error & { code?: string }> {
  const error = await read(source).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(Error);
  let innermost = error as Error & { code?: string };
  while (innermost.code === "FETCHER_FAILED") innermost = innermost.cause as Error;
  return innermost;
}
