import * as v from "valibot";
import type { SourceSplit } from "../../api/source-split.js";
import { jsonSerializer } from "../../serde/index.js";

/** One split of a log, from a position on. */
export interface MemoryLogSplit extends SourceSplit {
  readonly split: number;
  readonly position: number;
}

/** What the enumerator has found so far, and what of it nobody reads. */
export interface MemoryLogEnumeratorState {
  readonly found: number;
  readonly unassigned: readonly MemoryLogSplit[];
}

const wholeNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const splitSchema = v.strictObject({
  splitId: v.string(),
  split: wholeNumber,
  position: wholeNumber,
});

export const memoryLogSplitSerializer = jsonSerializer<MemoryLogSplit>({
  name: "memory log split",
  version: 1,
  schema: splitSchema,
});

export const memoryLogStateSerializer = jsonSerializer<MemoryLogEnumeratorState>({
  name: "memory log enumerator state",
  version: 1,
  schema: v.strictObject({ found: wholeNumber, unassigned: v.array(splitSchema) }),
});
