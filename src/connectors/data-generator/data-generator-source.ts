import * as v from "valibot";
import type { Source } from "../../api/source.js";
import {
  type NumberSequenceSplit,
  numberSequenceEnumeratorSerializer,
  numberSequenceSplitSerializer,
  splitNumberRange,
} from "../../enumerator/number-sequence-split.js";
import { StaticSplitEnumerator } from "../../enumerator/static-split-enumerator.js";
import { optionInvalid } from "../../errors/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import { perCheckpoint, perSecond, type RateLimiterStrategy } from "../../reader/rate-limiter.js";
import { DataGeneratorReader, type GenerateFunction } from "./data-generator-reader.js";

/** What `dataGenerator` takes. */
export interface DataGeneratorOptions<T> {
  /** Called in the operator's loop with 0, 1, 2 …; what it throws fails the job. */
  readonly generate: GenerateFunction<T>;
  /** Records to generate; default no end. */
  readonly count?: number;
  /** Records a second at most, in all subtasks together; default no limit. */
  readonly rate?: number;
  /** Records between two completed checkpoints at most, in all subtasks together. */
  readonly perCheckpoint?: number;
  /** Runs of indices; default one a subtask. */
  readonly splits?: number;
}

const schema = v.strictObject({
  generate: expecting((value) => typeof value === "function", "a function of the index"),
  count: v.optional(
    expecting<number>(
      (value) =>
        value === Number.POSITIVE_INFINITY ||
        (Number.isSafeInteger(value) && (value as number) >= 0),
      "a whole number ≥ 0, or Infinity",
    ),
  ),
  rate: v.optional(
    expecting<number>(
      (value) => Number.isFinite(value) && (value as number) > 0,
      "a number of records a second > 0",
    ),
  ),
  perCheckpoint: v.optional(wholeNumber(1)),
  splits: v.optional(wholeNumber(1)),
});

/**
 * A source of generated records (Flink `DataGeneratorSource`): `generate(index)` for each index
 * from 0 on, the indices cut into splits.
 *
 * Bounded with a finite `count`, else it goes on to index 2^53 − 1. A restored job goes on at the
 * next index of each split. Throws OPTION_INVALID.
 */
export function dataGenerator<T>(
  options: DataGeneratorOptions<T>,
): Source<T, NumberSequenceSplit, readonly NumberSequenceSplit[]> {
  const parsed = parseOptions("dataGenerator", schema, options);
  const count = parsed.count ?? Number.POSITIVE_INFINITY;
  const rate = rateLimit(parsed.rate, parsed.perCheckpoint);
  const isBounded = Number.isFinite(count);
  const last = isBounded ? count - 1 : Number.MAX_SAFE_INTEGER;
  return {
    name: isBounded ? `generator of ${count} records` : "generator",
    boundedness: isBounded ? "BOUNDED" : "CONTINUOUS_UNBOUNDED",
    splitSerializer: numberSequenceSplitSerializer,
    enumeratorCheckpointSerializer: numberSequenceEnumeratorSerializer,
    createReader: (context) => new DataGeneratorReader(context, options.generate, rate),
    createEnumerator: (context) =>
      new StaticSplitEnumerator(
        context,
        splitNumberRange(0, last, parsed.splits ?? context.currentParallelism),
      ),
    restoreEnumerator: (context, checkpoint) => new StaticSplitEnumerator(context, checkpoint),
  };
}

function rateLimit(
  recordsPerSecond: number | undefined,
  recordsPerCheckpoint: number | undefined,
): RateLimiterStrategy | undefined {
  if (recordsPerSecond !== undefined && recordsPerCheckpoint !== undefined) {
    throw optionInvalid(
      "dataGenerator.perCheckpoint",
      recordsPerCheckpoint,
      "no other rate beside it",
    );
  }
  if (recordsPerSecond !== undefined) return perSecond(recordsPerSecond);
  if (recordsPerCheckpoint !== undefined) return perCheckpoint(recordsPerCheckpoint);
  return undefined;
}
