import * as v from "valibot";
import type { SplitIterator } from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import { jsonSerializer } from "../serde/json-serializer.js";

/** A run of whole numbers; `from` is the next one to emit, both ends belong to it. */
export interface NumberSequenceSplit extends SourceSplit {
  readonly from: number;
  readonly to: number;
}

const splitSchema = v.pipe(
  v.strictObject({
    splitId: v.string(),
    from: v.pipe(v.number(), v.safeInteger()),
    to: v.pipe(v.number(), v.safeInteger()),
  }),
  v.check((split) => split.from <= split.to, "from ≤ to"),
);

export const numberSequenceSplitSerializer = jsonSerializer<NumberSequenceSplit>({
  name: "number sequence split",
  version: 1,
  schema: splitSchema,
});

export const numberSequenceEnumeratorSerializer = jsonSerializer<readonly NumberSequenceSplit[]>({
  name: "number sequence enumerator state",
  version: 1,
  schema: v.array(splitSchema),
});

/**
 * Cuts [from, to] into at most `parts` runs in order, none empty, with ids "1", "2", …; the first
 * ones are longer by one where it does not come out even (Flink `NumberSequenceIterator.split`).
 */
export function splitNumberRange(
  from: number,
  to: number,
  parts: number,
): readonly NumberSequenceSplit[] {
  // The widest range has 2^54 − 1 numbers, too many to count as a double.
  const count = BigInt(to) - BigInt(from) + 1n;
  const size = count / BigInt(parts);
  const longer = Number(count % BigInt(parts));
  const splits: NumberSequenceSplit[] = [];
  let next = BigInt(from);
  for (let part = 0; part < parts; part++) {
    const end = next + size + (part < longer ? 1n : 0n);
    if (end === next) break;
    splits.push({ splitId: `${part + 1}`, from: Number(next), to: Number(end - 1n) });
    next = end;
  }
  return splits;
}

/** Steps through a run, a record a number; `position` is the number that comes next. */
export class NumberSequenceIterator<T> implements SplitIterator<T> {
  readonly #to: number;
  readonly #toRecord: (element: number) => T;
  #position: number;

  constructor(split: NumberSequenceSplit, toRecord: (element: number) => T) {
    this.#position = split.from;
    this.#to = split.to;
    this.#toRecord = toRecord;
  }

  get position(): number {
    return this.#position;
  }

  hasNext(): boolean {
    return this.#position <= this.#to;
  }

  next(): T {
    return this.#toRecord(this.#position++);
  }

  fill(records: T[], at: number, atMost: number): number {
    const toRecord = this.#toRecord;
    const first = this.#position;
    const count = Math.min(atMost, this.#to - first + 1);
    for (let i = 0; i < count; i++) records[at + i] = toRecord(first + i);
    this.#position = first + count;
    return count;
  }
}
