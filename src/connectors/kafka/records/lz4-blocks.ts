import { Lz4BlockCompressor, uncompressLz4Block } from "./lz4-block.js";

/** Reads and writes the blocks of LZ4 frames. */
export interface Lz4Blocks {
  /** Before the first block of an input. */
  begin(): void;
  /** Writes input[from..to) to `out` at `at`; returns the bytes, undefined: they would be no fewer. */
  compress(
    input: Uint8Array,
    from: number,
    to: number,
    out: Uint8Array,
    at: number,
  ): number | undefined;
  /**
   * Decodes input[from..to) to `out` at `at`; returns where it ended, undefined: it does not end before
   * `end`. A match reaches back to `floor` at most. Throws for input that is no LZ4 block. The four bytes
   * before `from` are the input's too.
   */
  uncompress(
    input: Buffer,
    from: number,
    to: number,
    out: Buffer,
    at: number,
    end: number,
    floor: number,
  ): number | undefined;
}

const compressor = new Lz4BlockCompressor();

export const ownLz4Blocks: Lz4Blocks = {
  begin: () => compressor.begin(),
  compress: (input, from, to, out, at) => compressor.compress(input, from, to, out, at, to - from),
  uncompress: uncompressLz4Block,
};

/** lz4-napi's blocks begin with the size of what is in them. */
const SIZE_BYTES = 4;
/** Shorter ones are done by the time that the other side has been called. */
const SHORTEST = 1024;

/** What lz4-napi does. */
interface NativeLz4 {
  readonly blocks: Lz4Blocks;
  /** A whole frame, in another thread. */
  readonly decompressFrame: (frame: Buffer) => Promise<Buffer>;
}

/** Undefined where lz4-napi is not installed. */
export async function nativeLz4(): Promise<NativeLz4 | undefined> {
  const lz4 = await import("lz4-napi").catch(() => undefined);
  return lz4 && { blocks: blocksOf(lz4), decompressFrame: lz4.decompressFrame };
}

function blocksOf({ compressSync, uncompressSync }: typeof import("lz4-napi")): Lz4Blocks {
  return {
    begin: ownLz4Blocks.begin,
    compress(input, from, to, out, at) {
      if (to - from < SHORTEST) return ownLz4Blocks.compress(input, from, to, out, at);
      const block = compressSync(Buffer.from(input.buffer, input.byteOffset + from, to - from));
      const size = block.length - SIZE_BYTES;
      if (size >= to - from) return undefined;
      out.set(block.subarray(SIZE_BYTES), at);
      return size;
    },
    uncompress(input, from, to, out, at, end, floor) {
      if (to - from < SHORTEST || floor < at) {
        return uncompressLz4Block(input, from, to, out, at, end, floor);
      }
      // In place: what stands there is the frame's size of the block, of which all is known by now.
      const before = input.readUInt32LE(from - SIZE_BYTES);
      input.writeUInt32LE(end - at, from - SIZE_BYTES);
      try {
        const bytes = uncompressSync(input.subarray(from - SIZE_BYTES, to));
        out.set(bytes, at);
        return at + bytes.length;
      } catch {
        // It does not say whether the block is damaged or holds too much.
        return uncompressLz4Block(input, from, to, out, at, end, floor);
      } finally {
        input.writeUInt32LE(before, from - SIZE_BYTES);
      }
    },
  };
}
