import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { fileChanged, fileCorrupt } from "./file-errors.js";
import type { ByteStream } from "./file-format.js";

const CHUNK = 256 * 1024;

/**
 * Owns: the decompression of one file. Called by: the format's reader.
 * Invariants: at most a few chunks are decompressed ahead, however much the file would give.
 */
export class GunzipStream implements ByteStream {
  readonly #path: string;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #done: Promise<void>;
  readonly #closing = new AbortController();
  #chunk: Uint8Array = new Uint8Array(0);
  /** Bytes to leave out before the first that is wanted. */
  #toSkip: number;
  readonly #position: number;

  /** `disk` from its first byte; the content from byte `position` on. */
  constructor(path: string, disk: ByteStream, position: number) {
    this.#path = path;
    this.#position = position;
    this.#toSkip = position;
    const gunzip = createGunzip({ chunkSize: CHUNK });
    this.#chunks = gunzip[Symbol.asyncIterator]();
    this.#done = pipeline(Readable.from(blocks(disk), { highWaterMark: 1 }), gunzip, {
      signal: this.#closing.signal,
    });
    // Whoever reads hears of it.
    this.#done.catch(() => {});
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#chunk.byteLength === 0) {
      const chunk = await this.#nextChunk();
      if (chunk === undefined) {
        if (this.#toSkip > 0) throw this.#tooShort();
        return 0;
      }
      const skipped = Math.min(this.#toSkip, chunk.byteLength);
      this.#toSkip -= skipped;
      this.#chunk = chunk.subarray(skipped);
    }
    const count = Math.min(into.byteLength, this.#chunk.byteLength);
    into.set(this.#chunk.subarray(0, count));
    this.#chunk = this.#chunk.subarray(count);
    return count;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done.catch(() => {});
  }

  async #nextChunk(): Promise<Buffer | undefined> {
    try {
      const { done, value } = await this.#chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code?.startsWith("Z_") !== true) throw error;
      throw fileCorrupt(this.#path, `it cannot be decompressed: ${message}`, error);
    }
  }

  #tooShort(): Error {
    return fileChanged(
      this.#path,
      `its content ends before byte ${this.#position}, where reading is to go on`,
    );
  }
}

async function* blocks(disk: ByteStream): AsyncGenerator<Buffer> {
  for (;;) {
    const block = Buffer.allocUnsafeSlow(CHUNK);
    const count = await disk.read(block);
    if (count === 0) return;
    yield block.subarray(0, count);
  }
}
