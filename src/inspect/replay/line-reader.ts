import { closeSync, openSync, readSync, statSync } from "node:fs";
import { HeadwaterError } from "../../errors/index.js";

const BLOCK = 1024 * 1024;
/** Bytes of one line; the recorder writes none that is nearly as long. */
const MAX_LINE = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Where a line lies in its file. */
export interface LinePlace {
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  /** It has no newline: the file ends within it. */
  readonly isCut: boolean;
}

/**
 * The lines of one file, whatever its size.
 *
 * Owns: the open file and one block of it. Called by: whoever replays, synchronously.
 * Invariants: holds one block, or the line that is asked for, in memory.
 */
export class LineReader {
  readonly path: string;
  readonly #file: number;
  #block = Buffer.alloc(0);
  #blockOffset = 0;

  /** Throws FILE_NOT_FOUND for what is no file or may not be read. */
  constructor(path: string) {
    this.path = path;
    try {
      if (statSync(path).isDirectory()) throw new Error("it is a directory");
      this.#file = openSync(path, "r");
    } catch (cause) {
      throw new HeadwaterError("FILE_NOT_FOUND", `the record ${path} cannot be read`, {
        domain: "user",
        retry: "never",
        scope: "job",
        cause,
        hint: "Give the file that --record was given; a relative path starts at the working directory.",
      });
    }
  }

  /** Every line from the beginning; one that is too long ends it. */
  *places(): Iterable<LinePlace> {
    let offset = 0;
    while (true) {
      const length = this.#lengthFrom(offset);
      if (length === undefined) return;
      yield { offset, ...length };
      if (length.isCut) return;
      offset += length.length + 1;
    }
  }

  text({ offset, length }: Pick<LinePlace, "offset" | "length">): string {
    const inBlock = offset - this.#blockOffset;
    if (inBlock < 0 || inBlock + length > this.#block.length) {
      this.#load(offset, Math.max(BLOCK, length));
      return this.#block.toString("utf8", 0, length);
    }
    return this.#block.toString("utf8", inBlock, inBlock + length);
  }

  close(): void {
    closeSync(this.#file);
  }

  #lengthFrom(offset: number): Omit<LinePlace, "offset"> | undefined {
    let inBlock = offset - this.#blockOffset;
    if (inBlock < 0 || inBlock >= this.#block.length) {
      this.#load(offset, BLOCK);
      inBlock = 0;
    }
    let end = this.#block.indexOf(NEWLINE, inBlock);
    for (let size = 2 * BLOCK; end < 0 && size <= MAX_LINE; size *= 2) {
      this.#load(offset, size);
      inBlock = 0;
      end = this.#block.indexOf(NEWLINE);
      if (this.#block.length < size) break;
    }
    if (end >= 0) return { length: end - inBlock, isCut: false };
    const length = this.#block.length - inBlock;
    return length <= 0 ? undefined : { length, isCut: true };
  }

  #load(offset: number, size: number): void {
    const block = Buffer.allocUnsafe(size);
    let read = 0;
    while (read < size) {
      const count = readSync(this.#file, block, read, size - read, offset + read);
      if (count === 0) break;
      read += count;
    }
    this.#block = block.subarray(0, read);
    this.#blockOffset = offset;
  }
}
