const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
/** No block holds more, whatever it says. */
const MAX_BLOCK = 131_072;

/** One zstd frame: its bytes, and the most bytes it can hold. */
export interface ZstdFrame {
  readonly start: number;
  readonly end: number;
  readonly bound: number;
}

/**
 * Finds the frames by their headers and those of their blocks, without decoding any.
 * Throws when one ends behind the input, or says that it holds more than its blocks can (RFC 8878, section 3.1).
 */
export function zstdFrames(input: Buffer): ZstdFrame[] {
  const frames: ZstdFrame[] = [];
  for (let at = 0; at < input.length; ) {
    const magic = input.readUInt32LE(at);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      at += 8 + input.readUInt32LE(at + 4);
      if (at > input.length) throw new Error("a zstd frame ends behind the batch");
      continue;
    }
    if (magic !== MAGIC) throw new Error("not a zstd frame");
    const frame = readFrame(input, at);
    frames.push(frame);
    at = frame.end;
  }
  return frames;
}

function readFrame(input: Buffer, start: number): ZstdFrame {
  const flags = input.readUInt8(start + 4);
  const isSingleSegment = (flags & 0x20) !== 0;
  if ((flags & 0x03) !== 0) throw new Error("the zstd frame needs a dictionary");
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >>> 6] as number;
  let at = start + 5 + (isSingleSegment ? 0 : 1);
  const content = contentSize(input, at, sizeBytes);
  at += sizeBytes;
  let blocks = 0;
  for (let isLast = false; !isLast; ) {
    const header = input.readUIntLE(at, 3);
    isLast = (header & 1) !== 0;
    const type = (header >>> 1) & 3;
    const size = header >>> 3;
    // A run is one byte that stands for many; a compressed block may hold a whole block.
    blocks += type === 2 ? MAX_BLOCK : Math.min(size, MAX_BLOCK);
    at += 3 + (type === 1 ? 1 : size);
  }
  if ((flags & 0x04) !== 0) at += 4;
  if (at > input.length) throw new Error("a zstd frame ends behind the batch");
  if (content !== undefined && content > blocks) {
    throw new Error(`a zstd frame says that it holds ${content} bytes, its blocks cannot`);
  }
  return { start, end: at, bound: content ?? blocks };
}

function contentSize(input: Buffer, at: number, bytes: number): number | undefined {
  if (bytes === 0) return undefined;
  if (bytes === 8) return Number(input.readBigUInt64LE(at));
  return input.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}
