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

/** A place among all that were ever asked about, by a group's labels: it keeps its own while it is there. */
const places = new WeakMap<object, number>();
let asked = 0;

/**
 * The readings of at most so many splits, partitions and other things with a label of their own; those
 * that were there first, so that a series once told goes on. The rest of a job is never left out.
 */
export function boundSeries(readings: readonly MetricReading[], atMost: number): BoundedSeries {
  // A group's readings share their labels: what is decided of one holds for all.
  const own = new Set<object>();
  for (const { labels } of readings) {
    if (!Object.keys(labels).every((name) => BOUNDED.has(name))) own.add(labels);
  }
  for (const labels of own) placeOf(labels);
  if (own.size <= atMost) return { readings, leftOut: 0 };
  const inOrder = [...own].sort((one, other) => placeOf(one) - placeOf(other));
  const out = new Set(inOrder.slice(atMost));
  return { readings: readings.filter(({ labels }) => !out.has(labels)), leftOut: out.size };
}

function placeOf(labels: object): number {
  let place = places.get(labels);
  if (place === undefined) {
    place = asked++;
    places.set(labels, place);
  }
  return place;
}
