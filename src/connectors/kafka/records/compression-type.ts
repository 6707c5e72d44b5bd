/** How a batch's records are compressed; the index is the code in the batch's attributes. */
export const COMPRESSION_TYPES = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** A name of Kafka's `compression.type`. */
export type CompressionType = (typeof COMPRESSION_TYPES)[number];

/** Compresses and decompresses whole batches in one call; loaded before it is used. */
export interface CompressionCodec {
  /** The returned bytes belong to the caller. */
  compress(bytes: Uint8Array): Uint8Array;
  /**
   * The returned bytes belong to the caller; undefined: they would be more than `limit`.
   * Throws any error for input that is damaged.
   */
  decompress(bytes: Uint8Array, limit: number): Buffer | undefined;
}
