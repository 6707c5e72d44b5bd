import { type HeadwaterError, peerMissing } from "../../../errors/index.js";
import type { CompressionCodec } from "./compression-type.js";
import { zstdFrames } from "./zstd-frames.js";

let loading: Promise<CompressionCodec> | undefined;

/**
 * zstd by @bokuweb/zstd-wasm; throws DRIVER_MISSING with the command that installs it.
 * Loaded once a process: a second `init` of the package takes the memory away under the first one's users.
 */
export function loadZstdCodec(): Promise<CompressionCodec> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<CompressionCodec> {
  let zstd: typeof import("@bokuweb/zstd-wasm");
  try {
    zstd = await import("@bokuweb/zstd-wasm");
    await zstd.init();
  } catch (cause) {
    throw zstdMissing(cause);
  }
  return {
    compress: (bytes) => zstd.compress(bytes, 3),
    decompress(bytes, limit) {
      const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const frames = zstdFrames(input);
      // The bound of a frame that does not say its size is at most a block more than it needs, for each block.
      const parts: Uint8Array[] = [];
      let total = 0;
      for (const { start, end, bound } of frames) {
        const room = Math.min(bound, limit - total + 1);
        if (room < bound && saysItsSize(input, start)) return undefined;
        const part = decompressFrame(zstd, input.subarray(start, end), room, room < bound);
        if (part === undefined) return undefined;
        total += part.length;
        if (total > limit) return undefined;
        parts.push(part);
      }
      const [first] = parts;
      if (parts.length === 1 && first !== undefined) {
        return Buffer.from(first.buffer, first.byteOffset, first.length);
      }
      return Buffer.concat(parts, total);
    },
  };
}

/** The error for a peer that is not installed. */
export function zstdMissing(cause: unknown): HeadwaterError {
  return peerMissing(
    "Kafka batches that are compressed with zstd need @bokuweb/zstd-wasm",
    "@bokuweb/zstd-wasm@0.0.27",
    cause,
  );
}

/** Undefined: it does not fit into `room`, which was less than it may need. */
function decompressFrame(
  zstd: typeof import("@bokuweb/zstd-wasm"),
  frame: Uint8Array,
  room: number,
  isTight: boolean,
): Uint8Array | undefined {
  try {
    return zstd.decompress(frame, { defaultHeapSize: room });
  } catch (error) {
    if (isTight && String(error).includes(DESTINATION_TOO_SMALL)) return undefined;
    throw error;
  }
}

/** zstd's error 70, dstSize_tooSmall, as the package reports it. */
const DESTINATION_TOO_SMALL = "code -70";

function saysItsSize(input: Buffer, start: number): boolean {
  const flags = input.readUInt8(start + 4);
  return flags >>> 6 !== 0 || (flags & 0x20) !== 0;
}
