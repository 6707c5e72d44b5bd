/** How a batch's records are compressed; the index is the code in the batch's attributes. */
export const COMPRESSION_TYPES = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** A name of Kafka's `compression.type`. */
export type CompressionType = (typeof COMPRESSION_TYPES)[number];

/** Something that is decompressed beside the loop. */
export interface DecompressedAhead {
  /** Bytes of the result at most. */
  readonly atMost: number;
  /** Rejects for input that is damaged. */
  readonly done: Promise<Buffer>;
}

/** Compresses and decompresses whole batches in one call; loaded before it is used. */
export interface CompressionCodec {
  /** The returned bytes belong to the caller. */
  compress(bytes: Uint8Array): Uint8Array;
  /**
   * The returned bytes belong to the caller; undefined: they would be more than `limit`.
   * Throws any error for input that is damaged.
   */
  decompress(bytes: Uint8Array, limit: number): Buffer | undefined;
  /**
   * The same by another thread, which must find the bytes as they are until then; undefined: it is not worth
   * it, or might be more than `limit`.
   */
  readonly decompressAhead?: (bytes: Buffer, limit: number) => DecompressedAhead | undefined;
}
