import { badRecord } from "./file-errors.js";
import type { ByteStream, FileBatch, FormatReader, UnreadableBytes } from "./file-format.js";
import { LineBatch, type LineDecoder, MAX_RAW, tooLong } from "./line-batch.js";

const NEWLINE = 0x0a;
/** Read at once behind the split's end, where only the rest of a line is wanted. */
export const TAIL = 64 * 1024;
/** Buffers that are kept to be used again. */
const MAX_FREE = 4;

/** What a line reader is made of. */
export interface LineReaderOptions<T> {
  /** The content from byte `base` on. */
  readonly stream: ByteStream;
  readonly base: number;
  /** Lines that begin at this byte of the content, or behind it, belong to others. */
  readonly end: number;
  /** True: the content up to the first newline belongs to others. */
  readonly beginsInLine: boolean;
  /** True: the file begins with the byte order mark of UTF-16. */
  readonly isUtf16: boolean;
  readonly decoder: LineDecoder<T>;
  readonly blockSize: number;
  readonly maxLineLength: number;
}

/** A line that is being left out because it is too long; the first bytes of it. */
interface Overlong {
  readonly position: number;
  readonly raw: Uint8Array;
  length: number;
}

/**
 * Cuts the content into blocks of whole lines.
 *
 * Owns: the stream, the buffer that is being filled and those that are free. Called by: the file
 * split reader, one call at a time; `recycle` of a batch by the operator's loop.
 * Invariants: the buffer begins with the line that has not ended; a byte is copied a constant number
 * of times on average, however long a line is; at most `maxLineLength` bytes and a block are held.
 */
export class LineReader<T> implements FormatReader<T> {
  readonly #options: LineReaderOptions<T>;
  readonly #free: Buffer[] = [];
  #buffer: Buffer;
  #filled = 0;
  /** Where the buffer's first byte is in the content. */
  #base: number;
  #skipsToNewline: boolean;
  #overlong: Overlong | undefined;
  #wrongEncoding: string | undefined;
  #ended: boolean;

  constructor(options: LineReaderOptions<T>) {
    this.#options = options;
    this.#base = options.base;
    this.#skipsToNewline = options.beginsInLine;
    this.#wrongEncoding = options.isUtf16 ? "UTF-16" : undefined;
    this.#ended = options.base >= options.end;
    this.#buffer = Buffer.allocUnsafeSlow(options.blockSize);
  }

  async read(): Promise<FileBatch<T> | undefined> {
    while (!this.#ended) {
      const searchFrom = this.#filled;
      const count = await this.#fill();
      if (count === 0) return this.#lastBatch();
      let from = 0;
      if (this.#skipsToNewline) {
        from = this.#buffer.subarray(0, this.#filled).indexOf(NEWLINE) + 1;
        if (from === 0) {
          this.#leaveOut();
          continue;
        }
        if (this.#overlong !== undefined) this.#overlong.length += from - 1;
        this.#skipsToNewline = false;
        if (this.#base + from >= this.#options.end) {
          this.#ended = true;
          return this.#overlong === undefined ? undefined : this.#batch(from, from);
        }
      }
      // What was there before has no newline.
      const news = this.#buffer.subarray(Math.max(from, searchFrom), this.#filled);
      const newline = news.lastIndexOf(NEWLINE) + 1;
      if (newline > 0) {
        return this.#batch(from, this.#cut(this.#filled - news.length + newline));
      }
      if (from > 0) return this.#batch(from, from);
      if (this.#filled > this.#options.maxLineLength + 1) this.#giveUpLine();
    }
    return undefined;
  }

  close(): void | Promise<void> {
    return this.#options.stream.close();
  }

  /** Reads more behind what is there; 0: the content has ended. */
  async #fill(): Promise<number> {
    const { stream, end, maxLineLength, blockSize } = this.#options;
    if (this.#filled === this.#buffer.length) {
      const size = Math.min(
        2 * this.#filled,
        Math.max(maxLineLength + 2, this.#filled) + blockSize,
      );
      this.#buffer = enlarged(this.#buffer, this.#filled, size);
    }
    const space = this.#buffer.length - this.#filled;
    const left = end - this.#base - this.#filled;
    const wanted = Math.min(space, left > 0 ? left : Math.max(TAIL, this.#filled));
    const into = this.#buffer.subarray(this.#filled, this.#filled + wanted);
    const count = await stream.read(into);
    this.#filled += count;
    return count;
  }

  /** Where the lines end that belong to the split, when there are whole ones up to `to`. */
  #cut(to: number): number {
    const { end } = this.#options;
    if (this.#base + to < end) return to;
    this.#ended = true;
    return this.#buffer.indexOf(NEWLINE, Math.max(0, end - 1 - this.#base)) + 1;
  }

  #lastBatch(): FileBatch<T> | undefined {
    this.#ended = true;
    if (this.#skipsToNewline) {
      if (this.#overlong === undefined) return undefined;
      return this.#batch(0, 0);
    }
    return this.#filled === 0 ? undefined : this.#batch(0, this.#filled);
  }

  #batch(from: number, to: number): FileBatch<T> {
    const { decoder, maxLineLength } = this.#options;
    const buffer = this.#buffer;
    const base = this.#base;
    const first = base === 0 && from === 0 ? this.#afterByteOrderMark(to) : from;
    const overlong = this.#takeOverlong();
    if (!this.#ended) {
      const carried = this.#filled - to;
      this.#buffer = this.#take(carried);
      buffer.copy(this.#buffer, 0, to, this.#filled);
      this.#filled = carried;
      this.#base = base + to;
    }
    return new LineBatch(
      { buffer, from: first, to, base, overlong },
      decoder,
      maxLineLength,
      this.#wrongEncoding,
      this.#recycle,
    );
  }

  /** Where the text of a file begins, and whether it can be text in UTF-8. */
  #afterByteOrderMark(to: number): number {
    const [a, b, c] = this.#buffer.subarray(0, to);
    if (isUtf16Mark(a, b)) this.#wrongEncoding = "UTF-16";
    return a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0;
  }

  /** Forgets what there is, in which the wanted newline is not. */
  #leaveOut(): void {
    if (this.#overlong !== undefined) this.#overlong.length += this.#filled;
    this.#base += this.#filled;
    this.#filled = 0;
    if (this.#overlong === undefined && this.#base >= this.#options.end) this.#ended = true;
  }

  #giveUpLine(): void {
    this.#overlong = {
      position: this.#base,
      raw: Uint8Array.prototype.slice.call(this.#buffer, 0, Math.min(this.#filled, MAX_RAW)),
      length: 0,
    };
    this.#skipsToNewline = true;
    this.#leaveOut();
    if (this.#buffer.length > this.#options.blockSize) this.#buffer = this.#take(0);
  }

  #takeOverlong(): UnreadableBytes | undefined {
    const overlong = this.#overlong;
    if (overlong === undefined) return undefined;
    this.#overlong = undefined;
    const { position, raw, length } = overlong;
    const error = badRecord(tooLong(length, this.#options.maxLineLength));
    return { position, raw, rawLength: length, error };
  }

  /** A buffer with room for so many bytes and more. */
  #take(bytes: number): Buffer {
    const { blockSize } = this.#options;
    if (bytes < blockSize) return this.#free.pop() ?? Buffer.allocUnsafeSlow(blockSize);
    return Buffer.allocUnsafeSlow(2 * bytes);
  }

  readonly #recycle = (buffer: Buffer): void => {
    const isUseful = buffer.length === this.#options.blockSize && !this.#ended;
    if (isUseful && this.#free.length < MAX_FREE) this.#free.push(buffer);
  };
}

/** True for the first two bytes of a text in UTF-16 or UTF-32. */
export function isUtf16Mark(a: number | undefined, b: number | undefined): boolean {
  return (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
}

function enlarged(buffer: Buffer, filled: number, size: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(size);
  buffer.copy(larger, 0, 0, filled);
  return larger;
}
