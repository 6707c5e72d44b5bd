import * as v from "valibot";
import type { SourceSplit } from "../../api/source-split.js";
import { jsonSerializer } from "../../serde/json-serializer.js";

/** A whole collection, and how many of its elements have been emitted. */
export interface CollectionSplit extends SourceSplit {
  readonly position: number;
}

export interface CollectionSplitState {
  position: number;
}

const schema = v.strictObject({
  splitId: v.string(),
  position: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});

export const collectionSplitSerializer = jsonSerializer<CollectionSplit>({
  name: "collection split",
  version: 1,
  schema,
});

export const collectionEnumeratorSerializer = jsonSerializer<readonly CollectionSplit[]>({
  name: "collection enumerator state",
  version: 1,
  schema: v.array(schema),
});
