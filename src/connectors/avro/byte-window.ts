import type { ByteStream } from "../../files/file-format.js";

const CHUNK = 256 * 1024;

/**
 * The next bytes of a stream, as many as are asked for.
 *
 * Owns: the buffer. Called by: the block reader. Invariants: the bytes from `start` to `end` are those
 * of the content from `position` on; buffers double, so that a byte is moved a few times at most.
 */
export class ByteWindow {
  readonly #stream: ByteStream;
  readonly #chunk: number;
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** The byte of the content at `start`. */
  position: number;
  #isAtEnd = false;

  constructor(stream: ByteStream, position: number, chunk = CHUNK) {
    this.#stream = stream;
    this.position = position;
    this.#chunk = chunk;
  }

  get available(): number {
    return this.end - this.start;
  }

  /** A view of the next bytes, valid until `need`. */
  view(from: number, to: number): Buffer {
    return this.bytes.subarray(this.start + from, this.start + to);
  }

  /** Reads until there are `count` bytes; false: the content ends before. */
  async need(count: number): Promise<boolean> {
    while (this.available < count && !this.#isAtEnd) {
      if (this.end === this.bytes.length) this.#makeRoom();
      const read = await this.#stream.read(this.bytes.subarray(this.end));
      if (read === 0) this.#isAtEnd = true;
      this.end += read;
    }
    return this.available >= count;
  }

  skip(count: number): void {
    this.start += count;
    this.position += count;
  }

  close(): void | Promise<void> {
    return this.#stream.close();
  }

  #makeRoom(): void {
    const { available } = this;
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.#chunk, available * 2));
    this.bytes.copy(bytes, 0, this.start, this.end);
    this.bytes = bytes;
    this.start = 0;
    this.end = available;
  }
}
