import type { CompressionCodec } from "./compression-type.js";
import {
  SnappyBlockCompressor,
  snappyBound,
  snappyLength,
  uncompressSnappyBlock,
} from "./snappy-block.js";

/** The stream header of snappy-java: its magic, then version 1, readable by version 1. */
const STREAM_HEADER = Buffer.from("82534e41505059000000000100000001", "hex");
const MAGIC_BYTES = 8;
/** What a length of the stream would be where another stream begins instead. */
const NEXT_STREAM = STREAM_HEADER.readUInt32BE(0);
const BLOCK = 32_768;

const compressor = new SnappyBlockCompressor();

/** Snappy in snappy-java's stream format, which Kafka's clients write; reads plain Snappy blocks as well. */
export const snappyCodec: CompressionCodec = {
  compress(bytes) {
    const blocks = Math.ceil(bytes.length / BLOCK);
    const out = Buffer.allocUnsafe(STREAM_HEADER.length + blocks * (4 + snappyBound(BLOCK)));
    STREAM_HEADER.copy(out);
    let at = STREAM_HEADER.length;
    compressor.begin();
    for (let from = 0; from < bytes.length; from += BLOCK) {
      const to = Math.min(from + BLOCK, bytes.length);
      const size = compressor.compress(bytes, from, to, out, at + 4);
      out.writeUInt32BE(size, at);
      at += 4 + size;
    }
    return out.subarray(0, at);
  },

  decompress(bytes, limit) {
    const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let total = 0;
    for (const [from, to] of blocksOf(input)) total += snappyLength(input, from, to).length;
    if (total > limit) return undefined;
    const out = Buffer.allocUnsafeSlow(total);
    let at = 0;
    for (const [from, to] of blocksOf(input)) {
      const { length, start } = snappyLength(input, from, to);
      uncompressSnappyBlock(input, start, to, out, at, at + length);
      at += length;
    }
    return out;
  },
};

function* blocksOf(input: Buffer): Generator<readonly [number, number]> {
  if (!isStream(input)) {
    yield [0, input.length];
    return;
  }
  for (let at = STREAM_HEADER.length; at < input.length; ) {
    const size = input.readUInt32BE(at);
    if (size === NEXT_STREAM) {
      at += STREAM_HEADER.length;
      continue;
    }
    at += 4;
    if (size > input.length - at) throw new Error("a Snappy block ends behind the batch");
    yield [at, at + size];
    at += size;
  }
}

function isStream(input: Buffer): boolean {
  const isLongEnough = input.length >= STREAM_HEADER.length;
  return isLongEnough && input.compare(STREAM_HEADER, 0, MAGIC_BYTES, 0, MAGIC_BYTES) === 0;
}
