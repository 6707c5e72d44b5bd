import { ScratchBytes } from "./byte-copies.js";
import type { CompressionCodec } from "./compression-type.js";
import { type Lz4Blocks, nativeLz4, ownLz4Blocks } from "./lz4-blocks.js";

const MAGIC = 0x184d2204;
/** Version 1, independent blocks, no checksums (the batch has its own), blocks of 64 KiB, header checksum. */
const HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
const BLOCK = 65_536;
const UNCOMPRESSED = 0x80000000;
const MAX_EXPANSION = 255;
/** Shorter frames are decompressed in less time than another thread is asked. */
const SHORTEST_AHEAD = 16_384;

const scratch = new ScratchBytes();

/** LZ4 frames, as Kafka's clients write them; their own checksums are not looked at, the batch has one. */
export const lz4Codec: CompressionCodec = codecOf(ownLz4Blocks);

/** The codec above, with lz4-napi where that is installed: several times as fast, and in threads of its own. */
export async function loadLz4Codec(): Promise<CompressionCodec> {
  const native = await nativeLz4();
  if (native === undefined) return lz4Codec;
  return {
    ...codecOf(native.blocks),
    decompressAhead(bytes, limit) {
      if (bytes.length < SHORTEST_AHEAD) return undefined;
      const atMost = mostIn(bytes);
      return atMost > limit ? undefined : { atMost, done: native.decompressFrame(bytes) };
    },
  };
}

/** The most bytes that a frame holds; infinite where it is not one whole frame. */
function mostIn(frame: Buffer): number {
  try {
    const { blockSize, hasBlockChecksums, hasChecksum, start } = readHeader(frame);
    let most = 0;
    for (let at = start; ; ) {
      const word = frame.readUInt32LE(at);
      at += 4;
      if (word === 0) {
        return at + (hasChecksum ? 4 : 0) === frame.length ? most : Number.POSITIVE_INFINITY;
      }
      const size = word & 0x7fffffff;
      most += word >= UNCOMPRESSED ? size : Math.min(blockSize, size * MAX_EXPANSION);
      at += size + (hasBlockChecksums ? 4 : 0);
    }
  } catch {
    // What is wrong with it is said when it is read.
    return Number.POSITIVE_INFINITY;
  }
}

function codecOf(blocks: Lz4Blocks): CompressionCodec {
  return {
    compress(bytes) {
      const count = Math.ceil(bytes.length / BLOCK);
      const out = Buffer.allocUnsafe(HEADER.length + 4 + count * (4 + BLOCK));
      HEADER.copy(out);
      let at = HEADER.length;
      blocks.begin();
      for (let from = 0; from < bytes.length; from += BLOCK) {
        const to = Math.min(from + BLOCK, bytes.length);
        const size = blocks.compress(bytes, from, to, out, at + 4);
        // What does not get smaller is stored as it is.
        if (size === undefined) out.set(bytes.subarray(from, to), at + 4);
        out.writeUInt32LE(size ?? (UNCOMPRESSED | (to - from)) >>> 0, at);
        at += 4 + (size ?? to - from);
      }
      out.writeUInt32LE(0, at);
      return out.subarray(0, at + 4);
    },

    decompress(bytes, limit) {
      const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const { isLinked, blockSize, hasBlockChecksums, start } = readHeader(input);
      let at = start;
      let written = 0;
      for (;;) {
        const word = input.readUInt32LE(at);
        at += 4;
        if (word === 0) return scratch.take(written);
        const size = word & 0x7fffffff;
        if (size > input.length - at) throw new Error("an LZ4 block ends behind the frame");
        if (size > blockSize) throw new Error("an LZ4 block is larger than its frame allows");
        const isStored = word >= UNCOMPRESSED;
        const wanted = written + (isStored ? size : Math.min(blockSize, size * MAX_EXPANSION));
        const end = Math.min(wanted, limit);
        const out = scratch.withRoom(end, written);
        if (isStored) {
          if (wanted > limit) return undefined;
          input.copy(out, written, at, at + size);
          written = wanted;
        } else {
          const floor = isLinked ? 0 : written;
          const next = blocks.uncompress(input, at, at + size, out, written, end, floor);
          if (next === undefined) {
            if (wanted > limit) return undefined;
            throw new Error("an LZ4 block holds more than its frame allows");
          }
          written = next;
        }
        at += size + (hasBlockChecksums ? 4 : 0);
      }
    },
  };
}

interface FrameHeader {
  readonly isLinked: boolean;
  readonly blockSize: number;
  readonly hasBlockChecksums: boolean;
  /** One of all that it holds, behind the last block. */
  readonly hasChecksum: boolean;
  readonly start: number;
}

function readHeader(input: Buffer): FrameHeader {
  if (input.length < 7 || input.readUInt32LE(0) !== MAGIC) throw new Error("not an LZ4 frame");
  const flags = input[4] as number;
  if (flags >>> 6 !== 1) throw new Error(`LZ4 frame version ${flags >>> 6} is unknown`);
  if ((flags & 0x01) !== 0) throw new Error("the LZ4 frame needs a dictionary");
  const sizeCode = ((input[5] as number) >>> 4) & 0x7;
  if (sizeCode < 4) throw new Error(`LZ4 block size ${sizeCode} is unknown`);
  return {
    isLinked: (flags & 0x20) === 0,
    blockSize: 1 << (8 + 2 * sizeCode),
    hasBlockChecksums: (flags & 0x10) !== 0,
    hasChecksum: (flags & 0x04) !== 0,
    start: 7 + ((flags & 0x08) === 0 ? 0 : 8),
  };
}
