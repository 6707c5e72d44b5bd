import { optionInvalid } from "../../../errors/index.js";
import { expecting } from "../../../options/expecting.js";
import { toSplitId } from "./kafka-split.js";
import {
  committedOffsets,
  earliest,
  latest,
  noStoppingOffset,
  type OffsetResetStrategy,
  type OffsetsInitializer,
  offsets,
  type TopicPartitionOffset,
  timestamp,
} from "./offsets-initializer.js";

/** The first record with this timestamp or a later one: milliseconds since the epoch, or a Date. */
interface AtTimestamp {
  readonly timestamp: number | Date;
}

/** What the group has committed; `reset` (default "none": an error) where it has nothing. */
interface AtCommitted {
  readonly committed: true;
  readonly reset?: OffsetResetStrategy;
}

/** The named offsets; other partitions as the group has committed, or else as `reset` says. */
interface AtOffsets {
  readonly offsets: readonly TopicPartitionOffset[];
  /** Default "earliest" for a start, "none" (an error) for a stop. */
  readonly reset?: OffsetResetStrategy;
}

/** Where the first partitions of a new job start; "committed" is `{ committed: true }`. */
export type KafkaStartPosition =
  | "earliest"
  | "latest"
  | "committed"
  | AtTimestamp
  | AtCommitted
  | AtOffsets;

/**
 * Where partitions end: the record there is no longer read. With read_committed, "latest" is the
 * last stable offset: what a transaction wrote is below it when its markers are in the log, which
 * is shortly after the commit has been answered.
 */
export type KafkaStopPosition = "latest" | "committed" | AtTimestamp | AtCommitted | AtOffsets;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const isReset = (value: unknown): boolean =>
  value === undefined || value === "none" || value === "earliest" || value === "latest";

function hasOnly(value: Record<string, unknown>, ...keys: readonly string[]): boolean {
  return Object.keys(value).every((key) => keys.includes(key));
}

/** True for `{ topic, partition }` and no more. */
export function isTopicPartition(value: unknown, ...others: readonly string[]): boolean {
  return (
    isObject(value) &&
    hasOnly(value, "topic", "partition", ...others) &&
    typeof value.topic === "string" &&
    value.topic !== "" &&
    isCount(value.partition)
  );
}

function isPlace(value: unknown): boolean {
  return isTopicPartition(value, "offset") && isCount((value as TopicPartitionOffset).offset);
}

function isPositionObject(value: unknown): boolean {
  if (!isObject(value)) return false;
  if ("timestamp" in value) {
    return hasOnly(value, "timestamp") && isCount(millisecondsOf(value as unknown as AtTimestamp));
  }
  if ("committed" in value) {
    return hasOnly(value, "committed", "reset") && value.committed === true && isReset(value.reset);
  }
  const named = value.offsets;
  return (
    hasOnly(value, "offsets", "reset") &&
    Array.isArray(named) &&
    named.length > 0 &&
    named.every(isPlace) &&
    isReset(value.reset)
  );
}

const OBJECTS =
  '{ timestamp }, { committed: true, reset: "none" | "earliest" | "latest" } or ' +
  "{ offsets: [{ topic, partition, offset }], reset }";

export const startPosition = expecting<KafkaStartPosition>(
  (value) =>
    value === "earliest" || value === "latest" || value === "committed" || isPositionObject(value),
  `"earliest", "latest", "committed", ${OBJECTS}`,
);

export const stopPosition = expecting<KafkaStopPosition>(
  (value) => value === "latest" || value === "committed" || isPositionObject(value),
  `"latest", "committed", ${OBJECTS}`,
);

export function startingOffsets(start: KafkaStartPosition): OffsetsInitializer {
  if (start === "earliest") return earliest();
  if (typeof start === "object" && "timestamp" in start) {
    // A place in the log, wherever the last stable offset is: what an open transaction wrote before is older.
    return timestamp(millisecondsOf(start), "read_uncommitted");
  }
  return initializerOf(start, "earliest");
}

export function stoppingOffsets(stop: KafkaStopPosition | undefined): OffsetsInitializer {
  return stop === undefined ? noStoppingOffset() : initializerOf(stop, "none");
}

/** True when it needs a group: it asks for nothing but what the group has committed. */
export function needsGroup(position: KafkaStartPosition | KafkaStopPosition): boolean {
  return position === "committed" || (typeof position === "object" && "committed" in position);
}

/** What a reader does with a group that has committed nothing. */
export function resetOf(start: KafkaStartPosition): OffsetResetStrategy {
  return typeof start === "object" && "reset" in start ? (start.reset ?? "none") : "none";
}

/** Throws OPTION_INVALID for a stop that is known to lie before the start; `path` names the stop. */
export function checkOrder(path: string, start: KafkaStartPosition, stop: KafkaStopPosition): void {
  if (typeof start !== "object" || typeof stop !== "object") return;
  if ("timestamp" in start && "timestamp" in stop) {
    const first = millisecondsOf(start);
    const last = millisecondsOf(stop);
    if (last >= first) return;
    throw optionInvalid(
      `${path}.timestamp`,
      last,
      `a timestamp that is not before startFrom's ${first}`,
    );
  }
  if (!("offsets" in start && "offsets" in stop)) return;
  const starts = new Map(start.offsets.map((place) => [toSplitId(place), place.offset]));
  for (const place of stop.offsets) {
    const first = starts.get(toSplitId(place));
    if (first === undefined || place.offset >= first) continue;
    throw optionInvalid(
      `${path}.offsets`,
      place.offset,
      `for partition ${toSplitId(place)} an offset that is not before startFrom's ${first}`,
    );
  }
}

/** Throws OPTION_INVALID for a partition that is named twice. */
export function checkNamedOnce(path: string, position: KafkaStartPosition | KafkaStopPosition) {
  if (typeof position !== "object" || !("offsets" in position)) return;
  const seen = new Set<string>();
  for (const place of position.offsets) {
    const id = toSplitId(place);
    if (seen.has(id)) throw optionInvalid(`${path}.offsets`, id, "each partition once");
    seen.add(id);
  }
}

function initializerOf(
  position: Exclude<KafkaStartPosition, "earliest"> | KafkaStopPosition,
  reset: OffsetResetStrategy,
): OffsetsInitializer {
  if (position === "latest") return latest();
  if (position === "committed") return committedOffsets("none");
  if ("timestamp" in position) return timestamp(millisecondsOf(position));
  if ("committed" in position) return committedOffsets(position.reset ?? "none");
  return offsets(position.offsets, position.reset ?? reset);
}

function millisecondsOf({ timestamp: at }: AtTimestamp): number {
  return at instanceof Date ? at.getTime() : at;
}
