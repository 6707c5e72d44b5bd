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
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import { NumberSequenceReader } from "../number-sequence-reader.js";

/** What `numberSequenceSource` takes. */
export interface NumberSequenceOptions {
  /** First and last number, both emitted; whole numbers within ±(2^53 − 1). */
  readonly from: number;
  readonly to: number;
  /** Runs to cut the sequence into; default one a subtask. */
  readonly splits?: number;
}

const schema = v.strictObject({
  from: wholeNumber(Number.MIN_SAFE_INTEGER),
  to: wholeNumber(Number.MIN_SAFE_INTEGER),
  splits: v.optional(wholeNumber(1)),
});

/**
 * A bounded source of the numbers from `from` to `to` (Flink `NumberSequenceSource`).
 *
 * Each split is in order; a restored job loses and repeats nothing. Throws OPTION_INVALID.
 */
export function numberSequenceSource(
  options: NumberSequenceOptions,
): Source<number, NumberSequenceSplit, readonly NumberSequenceSplit[]> {
  const { from, to, splits } = parseOptions("numberSequenceSource", schema, options);
  if (from > to) {
    throw optionInvalid(
      "numberSequenceSource.to",
      to,
      `a number ≥ numberSequenceSource.from (${from})`,
    );
  }
  return {
    name: `numbers ${from} to ${to}`,
    boundedness: "BOUNDED",
    splitSerializer: numberSequenceSplitSerializer,
    enumeratorCheckpointSerializer: numberSequenceEnumeratorSerializer,
    createReader: (context) => new NumberSequenceReader(context, (element) => element),
    createEnumerator: (context) =>
      new StaticSplitEnumerator(
        context,
        splitNumberRange(from, to, splits ?? context.currentParallelism),
      ),
    restoreEnumerator: (context, checkpoint) => new StaticSplitEnumerator(context, checkpoint),
  };
}
