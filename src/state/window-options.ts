import * as v from "valibot";
import type { DurationInput, Timestamp } from "../api/watermark.js";
import { duration, parseOptions } from "../options/parse-options.js";
import { operatorName } from "../stream/operator-name.js";
import type { StateKey } from "./state-key.js";

/** How the records of a window become its result (Flink `AggregateFunction`). */
export interface WindowAggregate<T, Acc, R = Acc> {
  /** What a window of a key begins with, as JSON; an object of its own for each call. */
  create(): Acc;
  /** Takes a record in; returns the accumulator, the same one changed in place or a new one. */
  add(accumulator: Acc, record: T, timestamp: Timestamp): Acc;
  /** Puts two parts of a window into one, when they meet after a rescale; may change the first. */
  merge(a: Acc, b: Acc): Acc;
  /** What is emitted; default: the accumulator, which is nobody else's then. */
  result?(accumulator: Acc): R;
}

/** What one subtask has gathered of a key in a window since it last emitted that window. */
export interface WindowResult<K extends StateKey, R> {
  readonly key: K;
  /** First millisecond of the window, and the one behind its last. */
  readonly start: number;
  readonly end: number;
  readonly value: R;
  /** Records that came too late for all their windows, so far, of all keys of this subtask. */
  readonly late: number;
}

/** What `tumblingWindow` takes; `K` is the key, `L` what becomes of late records. */
export interface TumblingWindowOptions<T, K extends StateKey, Acc, R = Acc, L = never> {
  /** Unique within the pipeline and the same in every release of the job: state is found by it. */
  readonly name: string;
  /** Length of a window; whole milliseconds. */
  readonly size: DurationInput;
  /** Windows begin at multiples of their size plus this; negative for time zones east of UTC. Default 0. */
  readonly offset?: DurationInput;
  keyOf(record: T): K;
  readonly aggregate: WindowAggregate<T, Acc, R>;
  /** How far the watermark may be past a window's end before its records are too late; default 0. */
  readonly allowedLateness?: DurationInput;
  /** Emitted instead of a record that is too late; default: it is dropped. Both are counted. */
  late?(record: T, timestamp: Timestamp): L;
}

/** What `slidingWindow` takes. */
export interface SlidingWindowOptions<T, K extends StateKey, Acc, R = Acc, L = never>
  extends TumblingWindowOptions<T, K, Acc, R, L> {
  /** From the start of a window to that of the next; whole milliseconds, at most the size. */
  readonly slide: DurationInput;
}

/** Options that have been checked; times in milliseconds. */
export interface WindowSettings<T, K extends StateKey, Acc, R, L> {
  readonly name: string;
  readonly size: number;
  readonly slide: number;
  readonly offset: number;
  readonly allowedLateness: number;
  readonly keyOf: (record: T) => K;
  readonly aggregate: WindowAggregate<T, Acc, R>;
  readonly late: ((record: T, timestamp: Timestamp) => L) | undefined;
}

/** More windows a record are a mistake: the first one would fill the memory. */
const MAX_OVERLAP = 100_000;

const wholeMilliseconds = v.pipe(
  duration(),
  v.check((ms) => Number.isSafeInteger(ms), "a duration of whole milliseconds"),
);
const length = v.pipe(
  duration(),
  v.check((ms) => Number.isSafeInteger(ms) && ms > 0, "a duration of whole milliseconds > 0"),
);

const entries = {
  name: operatorName(),
  size: length,
  offset: v.optional(v.union([v.pipe(v.number(), v.safeInteger()), wholeMilliseconds]), 0),
  keyOf: v.function(),
  aggregate: v.looseObject({
    create: v.function(),
    add: v.function(),
    merge: v.function(),
    result: v.optional(v.function()),
  }),
  allowedLateness: v.optional(duration(), 0),
  late: v.optional(v.function()),
};

const TumblingSchema = v.strictObject(entries);
const SlidingSchema = v.pipe(
  v.strictObject({ ...entries, slide: length }),
  v.forward(
    v.check(({ size, slide }) => slide <= size, "a duration that is not longer than size"),
    ["slide"],
  ),
  v.forward(
    v.check(
      ({ size, slide }) => size / slide <= MAX_OVERLAP,
      `a duration of at least size / ${MAX_OVERLAP}: each record is put into size / slide windows`,
    ),
    ["slide"],
  ),
);

/** Throws OPTION_INVALID. */
export function parseTumbling<T, K extends StateKey, Acc, R, L>(
  options: TumblingWindowOptions<T, K, Acc, R, L>,
): WindowSettings<T, K, Acc, R, L> {
  const { size, ...times } = parseOptions("tumblingWindow", TumblingSchema, options);
  return settings(options, { ...times, size, slide: size });
}

/** Throws OPTION_INVALID. */
export function parseSliding<T, K extends StateKey, Acc, R, L>(
  options: SlidingWindowOptions<T, K, Acc, R, L>,
): WindowSettings<T, K, Acc, R, L> {
  return settings(options, parseOptions("slidingWindow", SlidingSchema, options));
}

type Times = Pick<
  WindowSettings<never, StateKey, unknown, unknown, unknown>,
  "name" | "size" | "slide" | "offset" | "allowedLateness"
>;

function settings<T, K extends StateKey, Acc, R, L>(
  options: TumblingWindowOptions<T, K, Acc, R, L>,
  { name, size, slide, offset, allowedLateness }: Times,
): WindowSettings<T, K, Acc, R, L> {
  return {
    name,
    size,
    slide,
    offset,
    allowedLateness,
    // The user's own objects: their functions may be methods.
    keyOf: options.keyOf.bind(options),
    aggregate: options.aggregate,
    late: options.late?.bind(options),
  };
}
