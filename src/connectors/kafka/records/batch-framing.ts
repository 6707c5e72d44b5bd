import { BatchLayout, COMPRESSION_MASK, LENGTH_OVERHEAD, MAGIC } from "./batch-layout.js";
import { COMPRESSION_TYPES, type CompressionType } from "./compression-type.js";
import { corruptBatch, legacyBatch } from "./record-errors.js";

/** The bytes of one whole batch. */
export interface BatchBytes {
  readonly start: number;
  readonly end: number;
}

/** The whole batches in these bytes; what follows the last one is the beginning of another, or nothing. */
export function* batchesIn(bytes: Buffer): Generator<BatchBytes> {
  for (let start = 0; ; ) {
    const end = batchEnd(bytes, start, "record batch");
    if (end === undefined) return;
    yield { start, end };
    start = end;
  }
}

/** Those of them that are compressed in a way that is known. */
export function* compressedBatchesIn(
  bytes: Buffer,
): Generator<BatchBytes & { readonly type: Exclude<CompressionType, "none"> }> {
  for (const { start, end } of batchesIn(bytes)) {
    const code = bytes.readInt16BE(start + BatchLayout.attributes) & COMPRESSION_MASK;
    const type = COMPRESSION_TYPES[code];
    if (type !== undefined && type !== "none") yield { start, end, type };
  }
}

/**
 * The end of the batch at `start`; undefined: it is not whole.
 * A fetch response may end anywhere (ByteBufferLogInputStream).
 */
export function batchEnd(bytes: Buffer, start: number, place: string): number | undefined {
  const left = bytes.length - start;
  if (left <= BatchLayout.magic) return undefined;
  const length = bytes.readInt32BE(start + BatchLayout.length);
  const magic = bytes.readInt8(start + BatchLayout.magic);
  if (magic === 0 || magic === 1) throw legacyBatch(place, magic);
  if (magic !== MAGIC) throw corruptBatch(place, `message format ${magic} is unknown`);
  const size = length + LENGTH_OVERHEAD;
  if (size < BatchLayout.records) {
    throw corruptBatch(place, `it says that it has ${size} bytes, its header alone has 61`);
  }
  return size > left ? undefined : start + size;
}
