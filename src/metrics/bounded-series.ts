import type { MetricReading } from "../api/metrics.js";

/** Splits, partitions and the like that are told one by one, unless an option says otherwise. */
export const DEFAULT_MAX_SPLITS = 200;

/** The readings that are exported, and how many things there was no room for. */
export interface BoundedSeries {
  readonly readings: readonly MetricReading[];
  readonly leftOut: number;
}

/** Labels that a job of any size has few values of. */
const BOUNDED: ReadonlySet<string> = new Set(["pipeline", "subtask", "source"]);

/**
 * The readings of at most so many splits, partitions and other things with a label of their own; those
 * that were there first, so that a series once told goes on. The rest of a job is never left out.
 */
export function boundSeries(readings: readonly MetricReading[], atMost: number): BoundedSeries {
  const told = new Map<object, boolean>();
  const left = { room: atMost, out: 0 };
  const bounded = readings.filter(({ labels }) => {
    // A group's readings share their labels: what is decided of one holds for all.
    let isTold = told.get(labels);
    if (isTold === undefined) {
      isTold = Object.keys(labels).every((name) => BOUNDED.has(name)) || left.room-- > 0;
      if (!isTold) left.out++;
      told.set(labels, isTold);
    }
    return isTold;
  });
  return { readings: bounded, leftOut: left.out };
}
