import type { PageCursor } from "./page-cursor.js";

/** A writer may round up the last run. */
const MAX_OVERSHOOT = 4096;

/**
 * Walks over the runs of `count` levels or dictionary indices, and says how many are `wanted`.
 * Throws for a run that claims more values than there are: hyparquet would make them all.
 */
export function checkRuns(cursor: PageCursor, width: number, count: number, wanted = -1): number {
  if (width > 32) throw new Error(`a page has values of ${width} bits`);
  let found = 0;
  for (let seen = 0; seen < count; ) {
    const head = cursor.varint();
    const isPacked = (head & 1) === 1;
    const run = isPacked ? (head >>> 1) * 8 : head >>> 1;
    const left = count - seen;
    // Packed values are all there, bit by bit, so many are no danger, unless they have no bits.
    if ((!isPacked || width === 0 || head < 0) && run > left + MAX_OVERSHOOT) {
      throw new Error(`a page has a run of ${run} values where ${left} are left`);
    }
    if (isPacked) {
      const start = cursor.offset;
      const bytes = (run / 8) * width;
      // hyparquet takes a byte even for values without bits, where there is one.
      if (bytes > 0 || start < cursor.bytes.length) cursor.skip(Math.max(1, bytes));
      if (wanted >= 0)
        found += countPacked(cursor.bytes, start, width, Math.min(run, left), wanted);
    } else {
      let value = 0;
      for (let i = 0; i < (width + 7) >> 3; i++) value |= cursor.byte() << (8 * i);
      if (value === wanted) found += run;
    }
    seen += run;
  }
  return found;
}

function countPacked(
  bytes: Uint8Array,
  start: number,
  width: number,
  count: number,
  wanted: number,
): number {
  let found = 0;
  for (let i = 0, bit = 0; i < count; i++) {
    let value = 0;
    for (let b = 0; b < width; b++, bit++) {
      value |= (((bytes[start + (bit >> 3)] as number) >> (bit & 7)) & 1) << b;
    }
    if (value === wanted) found++;
  }
  return found;
}

/** Walks over the blocks of `count` deltas; throws where hyparquet would go on for ever. */
export function checkDeltas(cursor: PageCursor, count: number): void {
  const blockSize = cursor.varint();
  const miniblocks = cursor.varint();
  cursor.varint();
  cursor.varint();
  if (count <= 1) return;
  const size = blockSize / miniblocks;
  if (!(blockSize > 0 && miniblocks > 0 && size % 8 === 0)) {
    throw new Error(`a page has blocks of ${blockSize} deltas in ${miniblocks} parts`);
  }
  for (let seen = 1; seen < count; ) {
    cursor.varint();
    const widths = cursor.offset;
    cursor.skip(miniblocks);
    for (let i = 0; i < miniblocks && seen < count; i++) {
      seen += size;
      const bytes = (size / 8) * (cursor.bytes[widths + i] as number);
      // What is behind the last value may be left out.
      if (seen < count) cursor.skip(bytes);
      else cursor.offset += bytes;
    }
  }
}
