import { copyBack, copyBytes } from "./byte-copies.js";

const MIN_MATCH = 4;
/** The format wants the last five bytes as literals and no match to begin in the last twelve. */
const LAST_LITERALS = 5;
const MATCH_LIMIT = 12;
const MAX_DISTANCE = 65_535;
const HASH_BITS = 14;

/**
 * Decodes input[from..to) to `out` at `at`; returns where it ended, undefined: it does not end before `end`.
 * A match reaches back to `floor` at most. Throws for input that is no LZ4 block.
 */
export function uncompressLz4Block(
  input: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  end: number,
  floor: number,
): number | undefined {
  let i = from;
  let o = at;
  while (i < to) {
    const token = input[i++] as number;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && i < to) literals += more = input[i++] as number;
    }
    if (literals > to - i) throw new Error("LZ4 literals end behind their block");
    if (literals > end - o) return undefined;
    copyBytes(input, i, out, o, literals);
    i += literals;
    o += literals;
    if (i === to) return o;
    if (i + 2 > to) break;
    const distance = (input[i] as number) | ((input[i + 1] as number) << 8);
    i += 2;
    let length = (token & 15) + MIN_MATCH;
    if (length === 15 + MIN_MATCH) {
      let more = 255;
      while (more === 255 && i < to) length += more = input[i++] as number;
    }
    if (distance === 0 || distance > o - floor) throw new Error("an LZ4 match begins too early");
    if (length > end - o) return undefined;
    copyBack(out, o, distance, length);
    o += length;
  }
  throw new Error("an LZ4 block ends inside a sequence");
}

/** Writes LZ4 blocks, greedily: one look-up a position, skipping ahead where nothing matches. */
export class Lz4BlockCompressor {
  readonly #seen = new Int32Array(1 << HASH_BITS);

  /** Forgets the input before; positions of blocks between two calls belong to the same input. */
  begin(): void {
    this.#seen.fill(-1);
  }

  /** Returns the bytes written to `out`; undefined: they would be `limit` or more. */
  compress(
    input: Uint8Array,
    from: number,
    to: number,
    out: Uint8Array,
    start: number,
    limit: number,
  ): number | undefined {
    const seen = this.#seen;
    const end = start + limit;
    let o = start;
    let anchor = from;
    let i = from;
    let misses = 0;
    while (i < to - MATCH_LIMIT) {
      const word = wordAt(input, i);
      const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
      const candidate = seen[slot] as number;
      seen[slot] = i;
      if (candidate < from || i - candidate > MAX_DISTANCE || wordAt(input, candidate) !== word) {
        i += 1 + (misses++ >>> 6);
        continue;
      }
      misses = 0;
      let length = MIN_MATCH;
      const room = to - LAST_LITERALS - i;
      while (length < room && input[candidate + length] === input[i + length]) length++;
      if (o + sequenceBound(i - anchor, length) >= end) return undefined;
      o = writeLiterals(input, anchor, i, out, o, Math.min(length - MIN_MATCH, 15));
      out[o++] = (i - candidate) & 0xff;
      out[o++] = (i - candidate) >>> 8;
      if (length - MIN_MATCH >= 15) o = writeMore(out, o, length - MIN_MATCH - 15);
      i += length;
      anchor = i;
    }
    if (o + sequenceBound(to - anchor, 0) >= end) return undefined;
    return writeLiterals(input, anchor, to, out, o, 0) - start;
  }
}

function wordAt(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  );
}

function sequenceBound(literals: number, match: number): number {
  return literals + 8 + ((literals / 255) | 0) + ((match / 255) | 0);
}

function writeLiterals(
  input: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  match: number,
): number {
  const length = to - from;
  let o = at;
  out[o++] = (Math.min(length, 15) << 4) | match;
  if (length >= 15) o = writeMore(out, o, length - 15);
  copyBytes(input, from, out, o, length);
  return o + length;
}

function writeMore(out: Uint8Array, at: number, length: number): number {
  let rest = length;
  let o = at;
  for (; rest >= 255; rest -= 255) out[o++] = 255;
  out[o++] = rest;
  return o;
}
