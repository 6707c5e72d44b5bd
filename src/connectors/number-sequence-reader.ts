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

  protected override splitAt(
    split: NumberSequenceSplit,
    iterator: NumberSequenceIterator,
  ): NumberSequenceSplit {
    return { ...split, from: iterator.position };
  }
}
