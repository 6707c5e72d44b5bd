import { promisify } from "node:util";
import { gunzip, gunzipSync, gzipSync } from "node:zlib";
import type { CompressionCodec } from "./compression-type.js";

const gunzipAhead = promisify<Uint8Array, { maxOutputLength: number; chunkSize: number }, Buffer>(
  gunzip,
);
/** Shorter ones are decompressed in less time than another thread is asked. */
const SHORTEST_AHEAD = 4096;
const SMALLEST_CHUNK = 64;

/** gzip by Node's own zlib. */
export const gzipCodec: CompressionCodec = {
  compress: (bytes) => gzipSync(bytes),

  decompress(bytes, limit) {
    try {
      // zlib refuses a limit of 0.
      const content = gunzipSync(bytes, { maxOutputLength: Math.max(limit, 1) });
      return content.length > limit ? undefined : content;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
      throw error;
    }
  },

  decompressAhead(bytes, limit) {
    if (bytes.length < SHORTEST_AHEAD) return undefined;
    // The size is at the end, as the one who wrote it says: it gets no more room than that.
    const atMost = bytes.readUInt32LE(bytes.length - 4);
    if (atMost === 0 || atMost > limit) return undefined;
    const chunkSize = Math.max(SMALLEST_CHUNK, atMost);
    return { atMost, done: gunzipAhead(bytes, { maxOutputLength: atMost, chunkSize }) };
  },
};
