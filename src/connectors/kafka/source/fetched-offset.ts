import { batchEnd } from "../records/batch-framing.js";
import { BatchLayout, int64At } from "../records/batch-layout.js";

/**
 * Where a partition goes on behind these batches, from their headers alone: compaction leaves gaps, and
 * batches without records. Throws BAD_RECORD, UNSUPPORTED_OPERATION for what is no batch of format 2.
 */
export function offsetBehind(records: Buffer, from: number, place: string): number {
  let next = from;
  for (let at = 0; ; ) {
    const end = batchEnd(records, at, place);
    if (end === undefined) return next;
    const base = int64At(records, at + BatchLayout.baseOffset);
    next = Math.max(next, base + records.readInt32BE(at + BatchLayout.lastOffsetDelta) + 1);
    at = end;
  }
}
