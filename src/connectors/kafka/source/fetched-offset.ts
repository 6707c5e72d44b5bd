import { batchEnd } from "../records/batch-framing.js";
import { BatchLayout, int64At } from "../records/batch-layout.js";

/** What the last whole batch of some says. */
export interface LastBatch {
  /** Where the partition goes on: compaction leaves gaps, and batches without records. */
  readonly nextOffset: number;
  /** In which the batch was written; undefined when that is not known. */
  readonly leaderEpoch: number | undefined;
}

/**
 * Where a partition goes on behind these batches, from their headers alone. Throws BAD_RECORD,
 * UNSUPPORTED_OPERATION for what is no batch of format 2.
 */
export function lastBatchOf(records: Buffer, from: number, place: string): LastBatch {
  let nextOffset = from;
  let leaderEpoch: number | undefined;
  for (let at = 0; ; ) {
    const end = batchEnd(records, at, place);
    if (end === undefined) return { nextOffset, leaderEpoch };
    const base = int64At(records, at + BatchLayout.baseOffset);
    const last = base + records.readInt32BE(at + BatchLayout.lastOffsetDelta);
    nextOffset = Math.max(nextOffset, last + 1);
    const epoch = records.readInt32BE(at + BatchLayout.leaderEpoch);
    leaderEpoch = epoch < 0 ? undefined : epoch;
    at = end;
  }
}
