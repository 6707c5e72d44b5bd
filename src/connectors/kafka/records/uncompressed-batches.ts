import { compressedBatchesIn } from "./batch-framing.js";
import { BatchLayout } from "./batch-layout.js";
import type { RecordCodecs } from "./record-codecs.js";

/** What batches of some bytes hold uncompressed, by where the batch starts. */
export type UncompressedBatches = ReadonlyMap<number, Buffer>;

/** Batches that are being uncompressed. */
export interface Uncompressing {
  /** Bytes that the results may take together. */
  readonly atMost: number;
  /** Never rejects: what is not there is uncompressed, and reported, when it is read. */
  readonly done: Promise<UncompressedBatches>;
}

/**
 * Begins to uncompress large batches of an answer beside the loop, of as many as fit into `limit` bytes;
 * undefined: there are none. The bytes must stay as they are until it is done.
 */
export function uncompressAhead(
  records: Buffer,
  codecs: RecordCodecs,
  limit: number,
): Uncompressing | undefined {
  const found = new Map<number, Buffer>();
  const work: Promise<void>[] = [];
  let atMost = 0;
  for (const { start, end, type } of compressedBatchesIn(records)) {
    const bytes = records.subarray(start + BatchLayout.records, end);
    const ahead = codecs.codec(type).decompressAhead?.(bytes, limit - atMost);
    if (ahead === undefined) continue;
    atMost += ahead.atMost;
    work.push(
      ahead.done.then(
        (uncompressed) => {
          found.set(start, uncompressed);
        },
        () => {},
      ),
    );
  }
  return work.length === 0 ? undefined : { atMost, done: Promise.all(work).then(() => found) };
}
