import type { JobDefinition } from "../../../src/runtime/index.js";
import type { World } from "../world.js";

/** A job that reads the world's log and writes to its sink. */
export interface SimulatedJob {
  /** What is loaded from the real disk before any run. */
  readonly prepare?: () => Promise<void>;
  define(world: World): JobDefinition;
  /** All that is to be done has been, and the job, which has no end of its own, is drained. */
  readonly isComplete?: (world: World) => boolean;
  /** What must hold when it has finished; adds violations. */
  check(world: World): void;
}

/** Every record is there exactly once. */
export function checkExactlyOnce(world: World, seen: readonly number[]): void {
  const counts = countsOf(seen);
  for (const record of world.log.records) {
    const count = counts.get(record) ?? 0;
    counts.delete(record);
    if (count === 0) world.violation(`record ${record} is lost`);
    if (count > 1) world.violation(`record ${record} is there ${count} times`);
  }
  for (const record of counts.keys()) world.violation(`record ${record} comes from nowhere`);
}

/** Every record is there, and exactly once when nothing has gone wrong. */
export function checkAtLeastOnce(world: World, seen: readonly number[]): void {
  if (!world.isDisturbed) {
    checkExactlyOnce(world, seen);
    return;
  }
  const all = new Set(seen);
  for (const record of world.log.records) {
    if (!all.has(record)) world.violation(`record ${record} is lost`);
  }
}

function countsOf(records: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const record of records) counts.set(record, (counts.get(record) ?? 0) + 1);
  return counts;
}
