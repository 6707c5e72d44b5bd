import { isUtf8 } from "node:buffer";
import { HeadwaterError } from "../../errors/index.js";

/** Bytes that are no line of text, and why. */
export interface UnreadableLine {
  /** Its bytes, or the first of them. */
  readonly raw: Uint8Array;
  readonly rawLength: number;
  readonly error: HeadwaterError;
}

/** A line without its delimiter, or what stands in its place. */
export type Line = string | UnreadableLine;

const NOTHING: Buffer = Buffer.alloc(0);
const CARRIAGE_RETURN = 13;
/** Bytes that are kept of a line that is no record. */
const MAX_RAW = 2 ** 20;
const MIN_CAPACITY = 256;

/**
 * Cuts a stream of bytes into lines of UTF-8 (Flink `SocketTextStreamFunction`).
 *
 * Owns: the line that has no end yet. Called by: the split reader.
 * Invariants: the lines do not depend on how the bytes were cut; no more than `maxLineLength` bytes,
 * a carriage return and a delimiter are kept; a byte is copied a bounded number of times.
 */
export class LineSplitter {
  readonly #delimiter: Buffer;
  readonly #dropsCarriageReturn: boolean;
  readonly #maxLineLength: number;
  /** The open line; of one that is too long the beginning. */
  #open = NOTHING;
  #stored = 0;
  #length = 0;
  /** Bytes at the end of the open line that may be the beginning of a delimiter. */
  #tail = NOTHING;

  /** `maxLineLength` is in bytes, without the delimiter. */
  constructor(delimiter: string, maxLineLength: number) {
    this.#delimiter = Buffer.from(delimiter);
    this.#dropsCarriageReturn = delimiter === "\n";
    this.#maxLineLength = maxLineLength;
  }

  /** Adds the lines that end in these bytes. */
  push(chunk: Buffer, lines: Line[]): void {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#tail = NOTHING;
    let from = 0;
    for (;;) {
      const end = bytes.indexOf(this.#delimiter, from);
      if (end === -1) break;
      lines.push(this.#line(bytes, from, end));
      from = end + this.#delimiter.length;
    }
    const rest = bytes.length - from;
    const kept = Math.min(this.#delimiter.length - 1, rest);
    this.#append(bytes, from, bytes.length - kept);
    if (kept > 0) this.#tail = bytes.subarray(bytes.length - kept);
  }

  /** The stream has ended: what has no delimiter is the last line, if it is anything. */
  end(lines: Line[]): void {
    this.#takeTail();
    if (this.#length === 0) return;
    lines.push(this.#decode(this.#open, 0, this.#stored, this.#length));
    this.#forgetLine();
  }

  /** The stream is torn: what has no delimiter is no record, and nothing is ever glued to it. */
  tear(lines: Line[]): void {
    this.#takeTail();
    if (this.#length === 0) return;
    lines.push(
      unreadable(
        this.#open.subarray(0, this.#stored),
        this.#length,
        "the connection was lost within the line",
      ),
    );
    this.#forgetLine();
  }

  #line(bytes: Buffer, from: number, end: number): Line {
    if (this.#length === 0) return this.#closed(bytes, from, end, end - from);
    this.#append(bytes, from, end);
    const line = this.#closed(this.#open, 0, this.#stored, this.#length);
    this.#forgetLine();
    return line;
  }

  #closed(bytes: Buffer, from: number, end: number, length: number): Line {
    const drops =
      this.#dropsCarriageReturn &&
      length > 0 &&
      // Of a longer one the last byte may not have been kept.
      length <= this.#maxLineLength + 1 &&
      bytes[end - 1] === CARRIAGE_RETURN;
    return drops
      ? this.#decode(bytes, from, end - 1, length - 1)
      : this.#decode(bytes, from, end, length);
  }

  #decode(bytes: Buffer, from: number, end: number, length: number): Line {
    if (length > this.#maxLineLength) {
      const limit = `the line is longer than maxLineLength, ${this.#maxLineLength} bytes`;
      return unreadable(bytes.subarray(from, from + this.#maxLineLength), length, limit);
    }
    const text = bytes.toString("utf8", from, end);
    // What cannot be decoded becomes U+FFFD, which may also stand in the text itself.
    if (text.includes("\uFFFD") && !isUtf8(bytes.subarray(from, end))) {
      return unreadable(bytes.subarray(from, end), length, "the line is no valid UTF-8");
    }
    return text;
  }

  #takeTail(): void {
    this.#append(this.#tail, 0, this.#tail.length);
    this.#tail = NOTHING;
  }

  #append(bytes: Buffer, from: number, end: number): void {
    // One more than the longest line, for its carriage return.
    const room = this.#maxLineLength + 1 - this.#stored;
    const taken = Math.min(end - from, room);
    this.#reserve(this.#stored + taken);
    bytes.copy(this.#open, this.#stored, from, from + taken);
    this.#stored += taken;
    this.#length += end - from;
  }

  #reserve(size: number): void {
    if (size <= this.#open.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(MIN_CAPACITY, size, this.#open.length * 2));
    this.#open.copy(larger, 0, 0, this.#stored);
    this.#open = larger;
  }

  #forgetLine(): void {
    this.#stored = 0;
    this.#length = 0;
    // A rare long line must not hold its memory for ever.
    if (this.#open.length > MAX_RAW) this.#open = NOTHING;
  }
}

function unreadable(bytes: Uint8Array, rawLength: number, what: string): UnreadableLine {
  return {
    raw: Uint8Array.prototype.slice.call(bytes, 0, MAX_RAW),
    rawLength,
    error: new HeadwaterError("BAD_RECORD", what, {
      domain: "external",
      retry: "never",
      scope: "record",
    }),
  };
}
