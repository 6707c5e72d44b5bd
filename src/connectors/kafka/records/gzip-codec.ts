import { gunzipSync, gzipSync } from "node:zlib";
import type { CompressionCodec } from "./compression-type.js";

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
};
