import type { PollBudget, SourceOutput, SourceReaderContext } from "../api/source-reader.js";
import {
  NumberSequenceIterator,
  type NumberSequenceSplit,
} from "../enumerator/number-sequence-split.js";
import { IteratorSourceReader } from "../reader/iterator-source-reader.js";

/** Steps through runs of whole numbers, and makes a record of each. */
export class NumberSequenceReader<T> extends IteratorSourceReader<
  T,
  T,
  NumberSequenceSplit,
  NumberSequenceIterator<T>
> {
  readonly #toRecord: (element: number) => T;

  constructor(context: SourceReaderContext, toRecord: (element: number) => T) {
    super(context);
    this.#toRecord = toRecord;
  }

  protected override createIterator(split: NumberSequenceSplit): NumberSequenceIterator<T> {
    return new NumberSequenceIterator(split, this.#toRecord);
  }

  protected override emit(record: T, output: SourceOutput<T>): void {
    output.collect(record);
  }

  protected override emitSome(
    iterator: NumberSequenceIterator<T>,
    output: SourceOutput<T>,
    budget: PollBudget,
  ): number {
    return output.collectFrom?.(iterator, budget) ?? super.emitSome(iterator, output, budget);
  }

  protected override splitAt(
    split: NumberSequenceSplit,
    iterator: NumberSequenceIterator<T>,
  ): NumberSequenceSplit {
    return { ...split, from: iterator.position };
  }
}
