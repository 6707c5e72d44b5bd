import { illegalState } from "../../../errors/index.js";
import { compressedBatchesIn } from "./batch-framing.js";
import type { CompressionCodec, CompressionType } from "./compression-type.js";
import { type Crc32c, crc32c, loadCrc32c } from "./crc32c.js";
import { gzipCodec } from "./gzip-codec.js";
import { loadLz4Codec, lz4Codec } from "./lz4-codec.js";
import { snappyCodec } from "./snappy-codec.js";
import { loadZstdCodec } from "./zstd-codec.js";

/**
 * The checksum and the compression codecs of record batches.
 *
 * Owns: what has been loaded. Called by: readers and builders of batches.
 * Invariant: what is loaded once stays, so that batches are read and written in one synchronous call.
 */
export class RecordCodecs {
  /** The CRC-32C of a part of some bytes: the native one after `load`, where it is installed. */
  crc32c: Crc32c = crc32c;
  readonly #loaded = new Map<CompressionType, CompressionCodec>([
    ["gzip", gzipCodec],
    ["snappy", snappyCodec],
    ["lz4", lz4Codec],
  ]);
  readonly #loading = new Map<CompressionType, Promise<void>>();

  static #shared: Promise<RecordCodecs> | undefined;

  /**
   * Codecs with the native checksum and LZ4 where those are installed; without them it works as well, slower.
   * Loaded once for the process.
   */
  static load(): Promise<RecordCodecs> {
    RecordCodecs.#shared ??= RecordCodecs.#loadAll().catch((error: unknown) => {
      RecordCodecs.#shared = undefined;
      throw error;
    });
    return RecordCodecs.#shared;
  }

  static async #loadAll(): Promise<RecordCodecs> {
    const codecs = new RecordCodecs();
    codecs.crc32c = await loadCrc32c();
    codecs.#loaded.set("lz4", await loadLz4Codec());
    return codecs;
  }

  /** Loads the codec of a compression type; throws DRIVER_MISSING where its package is not installed. */
  async prepare(type: CompressionType): Promise<void> {
    if (type === "none" || this.#loaded.has(type)) return;
    const loading = this.#loading.get(type) ?? this.#load(type);
    this.#loading.set(type, loading);
    await loading;
  }

  /** Loads what the batches in these bytes need; undefined: nothing has to be waited for. */
  prepareFor(records: Uint8Array): Promise<void> | undefined {
    const missing = new Set<CompressionType>();
    const bytes = Buffer.from(records.buffer, records.byteOffset, records.length);
    for (const { type } of compressedBatchesIn(bytes)) {
      if (!this.#loaded.has(type)) missing.add(type);
    }
    if (missing.size === 0) return undefined;
    return Promise.all([...missing].map((type) => this.prepare(type))).then(() => undefined);
  }

  /** The codec of a compression type that has been prepared. */
  codec(type: Exclude<CompressionType, "none">): CompressionCodec {
    const codec = this.#loaded.get(type);
    if (codec === undefined) {
      throw illegalState(`the codec of ${type} is used before RecordCodecs.prepare has loaded it`);
    }
    return codec;
  }

  async #load(type: CompressionType): Promise<void> {
    try {
      this.#loaded.set(type, await loadZstdCodec());
    } finally {
      // A package that is installed meanwhile is found by the next call.
      this.#loading.delete(type);
    }
  }
}
