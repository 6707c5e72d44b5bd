import * as v from "valibot";
import type { SourceSplit } from "../../api/source-split.js";
import { illegalArgument } from "../../errors/index.js";
import { jsonSerializer } from "../../serde/json-serializer.js";

/** What a producer pushes, behind the position of the last record that was emitted. */
export interface PushSplit extends SourceSplit {
  /** Plain JSON that the producer gave with the record; undefined: it gave none so far. */
  readonly position?: unknown;
}

const schema = v.strictObject({ splitId: v.string(), position: v.optional(v.unknown()) });

export const pushSplitSerializer = jsonSerializer<PushSplit>({
  name: "push split",
  version: 1,
  schema,
});

export const pushEnumeratorSerializer = jsonSerializer<readonly PushSplit[]>({
  name: "push enumerator state",
  version: 1,
  schema: v.array(schema),
});

/**
 * The position as a restored job will see it; the producer may change its own afterwards. A number
 * or text costs nothing. Throws ILLEGAL_ARGUMENT for what is no JSON.
 */
export function plainPosition(position: unknown): unknown {
  switch (typeof position) {
    case "undefined":
    case "string":
    case "boolean":
      return position;
    case "number":
      if (Number.isFinite(position)) return position;
      break;
    case "object":
      return position === null ? null : copyOf(position);
  }
  throw notPlain(position);
}

function copyOf(position: object): unknown {
  try {
    return JSON.parse(JSON.stringify(position));
  } catch (cause) {
    throw notPlain(position, cause);
  }
}

function notPlain(position: unknown, cause?: unknown): Error {
  const what = typeof position === "object" ? "this object" : `${String(position)}`;
  return illegalArgument(`a position has to be plain JSON, and ${what} is not`, cause);
}
