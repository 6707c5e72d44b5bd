import { isAscii, isUtf8 } from "node:buffer";
import { badRecord } from "./file-errors.js";
import type { FileBatch, FileRecord, FileRun, UnreadableBytes } from "./file-format.js";
import { LineRun } from "./line-run.js";

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Bytes that are decoded together: a line that is cut out of a longer string keeps all of it alive, so
 * a record holds on to so much at most.
 */
const WINDOW = 4096;

/** Bytes of a bad line that are handed over. */
export const MAX_RAW = 1024 * 1024;

/** What becomes of a line. */
export interface LineDecoder<T> {
  /** True: lines of nothing but white space are left out. */
  readonly skipsBlank: boolean;
  /** What it throws makes the line a bad record. */
  decode(line: string): T;
}

/** Whole lines in a buffer. */
export interface LineBlock {
  readonly buffer: Buffer;
  /** The lines: from this byte of the buffer, up to, not including, the other one. */
  readonly from: number;
  readonly to: number;
  /** Where the buffer's first byte is in the content. */
  readonly base: number;
  /** A line too long to be kept that comes before the others. */
  readonly overlong: UnreadableBytes | undefined;
}

/**
 * Owns: a block of lines while it is read. Called by: the operator's loop.
 * Invariants: each line is a record or a bad record, once and in order; no record refers to the buffer.
 */
export class LineBatch<T> implements FileBatch<T> {
  readonly #buffer: Buffer;
  readonly #base: number;
  readonly #to: number;
  readonly #decoder: LineDecoder<T>;
  readonly #maxLineLength: number;
  /** Not UTF-8: every line is bad. */
  readonly #wrongEncoding: string | undefined;
  readonly #onRecycled: (buffer: Buffer) => void;
  #overlong: UnreadableBytes | undefined;
  /** The lines that have been decoded, a character a byte, and where that begins in the buffer. */
  #text = "";
  #textFrom: number;
  /** The next line in the text. */
  #cursor = 0;
  /** True: the text is ASCII, so that its characters are right. */
  #isAscii = true;
  /** True: all its lines are UTF-8, and need not be checked one by one. */
  #isValid = true;
  readonly run: FileRun<T>;

  constructor(
    block: LineBlock,
    decoder: LineDecoder<T>,
    maxLineLength: number,
    wrongEncoding: string | undefined,
    onRecycled: (buffer: Buffer) => void,
  ) {
    this.#buffer = block.buffer;
    this.#base = block.base;
    this.#textFrom = block.from;
    this.#to = block.to;
    this.#overlong = block.overlong;
    this.#decoder = decoder;
    this.#maxLineLength = maxLineLength;
    this.#wrongEncoding = wrongEncoding;
    this.#onRecycled = onRecycled;
    this.run = new LineRun({
      take: (records, at, atMost) => this.#take(records, at, atMost),
      position: () => this.#base + this.#textFrom + this.#cursor,
    });
  }

  next(into: FileRecord<T>): boolean {
    if (this.#overlong !== undefined) return this.#giveOverlong(into);
    for (;;) {
      const text = this.#text;
      const from = this.#cursor;
      if (from === text.length) {
        if (!this.#nextText()) return false;
        continue;
      }
      let to = text.indexOf("\n", from);
      let next = to + 1;
      if (to < 0) {
        to = text.length;
        next = to;
      } else if (to > from && text.charCodeAt(to - 1) === RETURN) {
        to--;
      }
      this.#cursor = next;
      into.position = this.#base + this.#textFrom + next;
      into.skip = 0;
      if (!this.#isAscii || to - from > this.#maxLineLength) {
        if (this.#giveOther(into, this.#textFrom + from, this.#textFrom + to)) return true;
        continue;
      }
      const line = text.slice(from, to);
      if (this.#decoder.skipsBlank && isBlank(line)) continue;
      try {
        into.value = this.#decoder.decode(line);
        into.bad = undefined;
      } catch (error) {
        into.bad = this.#bad(this.#textFrom + from, this.#textFrom + to, error);
      }
      return true;
    }
  }

  recycle(): void {
    this.#onRecycled(this.#buffer);
  }

  /** Puts the next records into `records`, up to a line that needs a look of its own, which stays. */
  #take(records: T[], at: number, atMost: number): number {
    if (this.#overlong !== undefined) return 0;
    const decoder = this.#decoder;
    const maxLineLength = this.#maxLineLength;
    let count = 0;
    while (count < atMost) {
      const text = this.#text;
      const from = this.#cursor;
      if (from === text.length) {
        if (!this.#nextText()) break;
        continue;
      }
      if (!this.#isValid) break;
      const newline = text.indexOf("\n", from);
      const next = newline < 0 ? text.length : newline + 1;
      let to = newline < 0 ? next : newline;
      if (newline > from && text.charCodeAt(newline - 1) === RETURN) to--;
      if (to - from > maxLineLength) break;
      const line = this.#isAscii
        ? text.slice(from, to)
        : this.#buffer.toString("utf8", this.#textFrom + from, this.#textFrom + to);
      if (decoder.skipsBlank && isBlank(line)) {
        this.#cursor = next;
        continue;
      }
      try {
        records[at + count] = decoder.decode(line);
      } catch {
        // It is decoded again, and reported, when it is asked for by itself.
        break;
      }
      count++;
      this.#cursor = next;
    }
    return count;
  }

  /** Decodes the next lines; false: there are none. */
  #nextText(): boolean {
    const from = this.#textFrom + this.#text.length;
    if (from >= this.#to) return false;
    const buffer = this.#buffer;
    let to = this.#to;
    if (to - from > WINDOW) {
      to = buffer.lastIndexOf(NEWLINE, from + WINDOW - 1) + 1;
      if (to <= from) {
        const end = buffer.indexOf(NEWLINE, from + WINDOW) + 1;
        to = end === 0 || end > this.#to ? this.#to : end;
      }
    }
    const bytes = buffer.subarray(from, to);
    this.#isAscii = this.#wrongEncoding === undefined && isAscii(bytes);
    this.#isValid = this.#isAscii || (this.#wrongEncoding === undefined && isUtf8(bytes));
    this.#text = buffer.toString("latin1", from, to);
    this.#textFrom = from;
    this.#cursor = 0;
    return true;
  }

  /** A line that is not ASCII, or too long; false: it was left out. */
  #giveOther(into: FileRecord<T>, from: number, to: number): boolean {
    const reason = this.#whatIsWrong(from, to);
    if (reason !== undefined) {
      into.bad = this.#bad(from, to, badRecord(reason));
      return true;
    }
    const line = this.#buffer.toString("utf8", from, to);
    if (this.#decoder.skipsBlank && isBlank(line)) return false;
    try {
      into.value = this.#decoder.decode(line);
      into.bad = undefined;
    } catch (error) {
      into.bad = this.#bad(from, to, error);
    }
    return true;
  }

  #whatIsWrong(from: number, to: number): string | undefined {
    if (to - from > this.#maxLineLength) return tooLong(to - from, this.#maxLineLength);
    if (this.#isValid) return undefined;
    if (this.#wrongEncoding !== undefined) {
      return `the file begins with the byte order mark of ${this.#wrongEncoding}, and is read as UTF-8`;
    }
    return isUtf8(this.#buffer.subarray(from, to)) ? undefined : "the line is no valid UTF-8";
  }

  #giveOverlong(into: FileRecord<T>): boolean {
    into.bad = this.#overlong;
    into.position = this.#base + this.#textFrom;
    into.skip = 0;
    this.#overlong = undefined;
    return true;
  }

  #bad(from: number, to: number, error: unknown): UnreadableBytes {
    return {
      position: this.#base + from,
      raw: this.#buffer.subarray(from, Math.min(to, from + MAX_RAW)),
      rawLength: to - from,
      error,
    };
  }
}

/** Why a line is a bad record that nobody can hold in memory. */
export function tooLong(length: number, maxLineLength: number): string {
  return `the line has ${length} bytes, and maxLineLength is ${maxLineLength}`;
}

/** Space, tab and carriage return: what JSON knows as white space. */
function isBlank(line: string): boolean {
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code !== 0x20 && code !== 0x09 && code !== RETURN) return false;
  }
  return true;
}
