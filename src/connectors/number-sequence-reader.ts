import type { PollBudget, SourceOutput } from "../api/source-reader.js";
import {
  NumberSequenceIterator,
  type NumberSequenceSplit,
} from "../enumerator/number-sequence-split.js";
import { IteratorSourceReader } from "../reader/iterator-source-reader.js";

/** Steps through runs of whole numbers; what a number becomes is up to `emit`. */
export abstract class NumberSequenceReader<T> extends IteratorSourceReader<
  number,
  T,
  NumberSequenceSplit,
  NumberSequenceIterator
> {
  protected override createIterator(split: NumberSequenceSplit): NumberSequenceIterator {
    return new NumberSequenceIterator(split);
  }

  /** As the base does it, with the position in a local variable: that is half the time of a record. */
  protected override emitSome(
    iterator: NumberSequenceIterator,
    output: SourceOutput<T>,
    budget: PollBudget,
  ): number {
    const first = iterator.position;
    const last = Math.min(iterator.to, first + Math.max(1, budget.remaining) - 1);
    let next = first;
    try {
      do this.emit(next++, output);
      while (next <= last && budget.remaining > 0);
    } finally {
      iterator.position = next;
    }
    budget.remaining = Math.max(0, budget.remaining - (next - first));
    return next - first;
  }

  protected override splitAt(
    split: NumberSequenceSplit,
    iterator: NumberSequenceIterator,
  ): NumberSequenceSplit {
    return { ...split, from: iterator.position };
  }
}
