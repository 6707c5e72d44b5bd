import { copyBack, copyBytes } from "./byte-copies.js";

const HASH_BITS = 14;
const MIN_MATCH = 4;
/** A copy of 64 bytes takes three. */
const MAX_EXPANSION = 22;

/** The uncompressed size that input[from..to) says it has, and where its first element lies. */
export function snappyLength(
  input: Uint8Array,
  from: number,
  to: number,
): { readonly length: number; readonly start: number } {
  let length = 0;
  for (let i = 0; i < 5 && from + i < to; i++) {
    const byte = input[from + i] as number;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      // More than the bytes can hold is damage, and must not be allocated.
      if (length > (to - from) * MAX_EXPANSION) break;
      return { length, start: from + i + 1 };
    }
  }
  throw new Error("a Snappy block does not begin with its length");
}

/** Decodes the elements input[from..to) to exactly out[at..end); throws for anything else. */
export function uncompressSnappyBlock(
  input: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  end: number,
): void {
  let i = from;
  let o = at;
  while (i < to) {
    const tag = input[i++] as number;
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length > 60) {
        const bytes = length - 60;
        if (bytes > to - i) throw new Error("a Snappy block ends inside a length");
        length = (littleEndian(input, i, bytes) >>> 0) + 1;
        i += bytes;
      }
      if (length > to - i || length > end - o) throw new Error("a Snappy literal is too long");
      copyBytes(input, i, out, o, length);
      i += length;
      o += length;
      continue;
    }
    let distance = 0;
    if (kind === 1) {
      if (i >= to) throw new Error("a Snappy block ends inside a copy");
      length = ((tag >>> 2) & 7) + 4;
      distance = ((tag >>> 5) << 8) | (input[i++] as number);
    } else {
      const bytes = kind === 2 ? 2 : 4;
      if (bytes > to - i) throw new Error("a Snappy block ends inside a copy");
      distance = littleEndian(input, i, bytes) >>> 0;
      i += bytes;
    }
    if (distance === 0 || distance > o - at) throw new Error("a Snappy copy begins too early");
    if (length > end - o) throw new Error("a Snappy block holds more than it says");
    copyBack(out, o, distance, length);
    o += length;
  }
  if (o !== end) throw new Error("a Snappy block holds less than it says");
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let k = 0; k < count; k++) value |= (bytes[at + k] as number) << (8 * k);
  return value;
}

/** The most bytes that a block of this size takes. */
export function snappyBound(length: number): number {
  return 32 + length + Math.ceil(length / 6);
}

/** Writes Snappy blocks of up to 64 KiB, greedily. */
export class SnappyBlockCompressor {
  readonly #seen = new Int32Array(1 << HASH_BITS);

  /** Forgets the input before. */
  begin(): void {
    this.#seen.fill(-1);
  }

  /** Writes the block of input[from..to) to `out`, which has snappyBound() bytes; returns its size. */
  compress(input: Uint8Array, from: number, to: number, out: Uint8Array, start: number): number {
    const seen = this.#seen;
    let o = start;
    for (let rest = to - from; ; rest >>>= 7) {
      if (rest < 0x80) {
        out[o++] = rest;
        break;
      }
      out[o++] = (rest & 0x7f) | 0x80;
    }
    let anchor = from;
    let i = from;
    let misses = 0;
    while (i < to - MIN_MATCH) {
      const word = wordAt(input, i);
      const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS);
      const candidate = seen[slot] as number;
      seen[slot] = i;
      if (candidate < from || wordAt(input, candidate) !== word) {
        i += 1 + (misses++ >>> 5);
        continue;
      }
      misses = 0;
      let length = MIN_MATCH;
      while (i + length < to && input[candidate + length] === input[i + length]) length++;
      if (i > anchor) o = writeLiteral(input, anchor, i, out, o);
      o = writeCopies(out, o, i - candidate, length);
      i += length;
      anchor = i;
    }
    if (to > anchor) o = writeLiteral(input, anchor, to, out, o);
    return o - start;
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

function writeLiteral(
  input: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  const rest = to - from - 1;
  let o = at;
  if (rest < 60) {
    out[o++] = rest << 2;
  } else if (rest < 256) {
    out[o++] = 60 << 2;
    out[o++] = rest;
  } else {
    out[o++] = 61 << 2;
    out[o++] = rest & 0xff;
    out[o++] = rest >>> 8;
  }
  copyBytes(input, from, out, o, to - from);
  return o + to - from;
}

function writeCopies(out: Uint8Array, at: number, distance: number, length: number): number {
  let o = at;
  for (let rest = length; rest > 0; ) {
    const part = Math.min(rest, 64);
    out[o++] = ((part - 1) << 2) | 2;
    out[o++] = distance & 0xff;
    out[o++] = distance >>> 8;
    rest -= part;
  }
  return o;
}
