import * as v from "valibot";
import type { Source } from "../../api/source.js";
import type { SourceReaderContext } from "../../api/source-reader.js";
import { StaticSplitEnumerator } from "../../enumerator/static-split-enumerator.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import { SingleThreadFetcherManager } from "../../reader/single-thread-fetcher-manager.js";
import type { Boxed } from "../element-batch.js";
import { SingleSplitReader } from "../single-split-reader.js";
import { Collection, type CollectionInput } from "./collection-input.js";
import {
  type CollectionSplit,
  type CollectionSplitState,
  collectionEnumeratorSerializer,
  collectionSplitSerializer,
} from "./collection-split.js";
import { CollectionSplitReader } from "./collection-split-reader.js";

/** What `collection` takes besides the elements. */
export interface CollectionOptions {
  /** For status and errors; default "collection". */
  readonly name?: string;
  /** Elements of an async iterable or Observable that wait to be read; default 16384. */
  readonly bufferSize?: number;
}

/** The source that `elements` and `collection` give. */
export type CollectionSource<T> = Source<T, CollectionSplit, readonly CollectionSplit[]>;

const schema = v.strictObject({
  name: v.optional(
    expecting<string>((value) => typeof value === "string" && value !== "", "a name"),
    "collection",
  ),
  bufferSize: v.optional(wholeNumber(1), 16_384),
});

/** A bounded source of the given values, in their order, in one subtask. */
export function elements<T>(...values: T[]): CollectionSource<T> {
  return collection(values, { name: "elements" });
}

/**
 * A bounded source of what an iterable, async iterable or Observable gives, in its order, in one
 * subtask.
 *
 * A restored job replays the collection and skips what it has read: it must give the same elements
 * again. An iterator, async iterable or Observable given as a value can be read once only; give a
 * function that creates it where the job is to survive a failure. Throws OPTION_INVALID.
 */
export function collection<T>(
  input: CollectionInput<T>,
  options: CollectionOptions = {},
): CollectionSource<T> {
  const { name, bufferSize } = parseOptions("collection", schema, options);
  const opened = new Collection(input, bufferSize);
  return {
    name,
    boundedness: "BOUNDED",
    splitSerializer: collectionSplitSerializer,
    enumeratorCheckpointSerializer: collectionEnumeratorSerializer,
    createReader: (context) => new CollectionReader(context, opened),
    createEnumerator: (context) =>
      new StaticSplitEnumerator(context, [{ splitId: name, position: 0 }]),
    restoreEnumerator: (context, checkpoint) => new StaticSplitEnumerator(context, checkpoint),
  };
}

/** Reads the collection, if this subtask gets it; called in the operator's loop. */
class CollectionReader<T> extends SingleSplitReader<
  Boxed<T>,
  T,
  CollectionSplit,
  CollectionSplitState
> {
  constructor(context: SourceReaderContext, opened: Collection<T>) {
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<Boxed<T>, CollectionSplit>({
        context,
        splitReaderFactory: () => new CollectionSplitReader(opened),
      }),
      recordEmitter: {
        emitRecord({ value }, output, state) {
          output.collect(value);
          state.position++;
        },
      },
    });
  }

  protected override initializedState(split: CollectionSplit): CollectionSplitState {
    return { position: split.position };
  }

  protected override toSplitType(splitId: string, state: CollectionSplitState): CollectionSplit {
    return { splitId, position: state.position };
  }
}
