import type { AnySource } from "../api/source.js";
import type { SourceReader, SourceReaderContext } from "../api/source-reader.js";
import type { SourceSplit } from "../api/source-split.js";
import type { Pipeline } from "./pipeline.js";

type Reader = SourceReader<unknown, SourceSplit>;
type PollNext = Reader["pollNext"];

/** What a reader does instead of its own; the rest stays as it is. */
export interface ReaderChanges {
  readonly pollNext: PollNext;
  readonly isAvailable?: Reader["isAvailable"];
}

/** The pipeline with other readers: `change` gets each one as it is created. */
export function withReaders(
  pipeline: Pipeline,
  change: (reader: Reader, context: SourceReaderContext) => ReaderChanges,
): Pipeline {
  const source: AnySource = overriding(pipeline.source, {
    createReader: (context: SourceReaderContext) => {
      const reader = pipeline.source.createReader(context);
      return overriding(reader, change(reader, context));
    },
  });
  return { ...pipeline, source };
}

/** The object with other members; its own methods run on itself, so that private fields work. */
function overriding<T extends object>(target: T, changes: object): T {
  return new Proxy(target, {
    get(_target, property) {
      if (Object.hasOwn(changes, property)) return Reflect.get(changes, property);
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
