import * as v from "valibot";
import type { SourceSplit } from "../../api/source-split.js";
import { jsonSerializer } from "../../serde/json-serializer.js";

/** What a socket gives, and how many lines of it have been read, in all attempts together. */
export interface SocketSplit extends SourceSplit {
  readonly lines: number;
}

export interface SocketSplitState {
  lines: number;
}

const schema = v.strictObject({
  splitId: v.string(),
  lines: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});

export const socketSplitSerializer = jsonSerializer<SocketSplit>({
  name: "socket split",
  version: 1,
  schema,
});

export const socketEnumeratorSerializer = jsonSerializer<readonly SocketSplit[]>({
  name: "socket enumerator state",
  version: 1,
  schema: v.array(schema),
});
