import type { ByteStream, UnreadableBytes } from "../../files/file-format.js";
import { CsvBatch } from "./csv-batch.js";
import { type CsvDialect, isLeftOut, NEWLINE, startsWith } from "./csv-dialect.js";
import { badRecord } from "./csv-errors.js";
import { BROKEN, MORE, RecordFramer } from "./record-framer.js";
import type { RowParser } from "./row-parser.js";

/** Of a line that is too long, so many bytes are kept. */
const MAX_RAW = 1024 * 1024;
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

/** Why no more records were framed: an error is about the record that begins next. */
type Stop = "limit" | "more" | Error;

/**
 * Reads the content of a file as batches of rows.
 *
 * Owns: the buffer with what has been read and not yet framed. Called by: the CSV reader.
 * Invariants: a batch's rows and bad inputs lie in one buffer, which no later batch uses; framing
 * begins again behind the first line of a record that is broken; after that it tries few records at a
 * time, so that input without any sense costs no more than its length.
 */
export class RecordInput {
  readonly #stream: ByteStream;
  readonly #dialect: CsvDialect;
  readonly #comment: Uint8Array;
  readonly #parser: RowParser;
  readonly #framer: RecordFramer;
  readonly #blockSize: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** The byte of the content that is first in the buffer. */
  #origin: number;
  #filled = 0;
  /** The first byte of the next record, and how many bytes of it the framer has seen. */
  #start = 0;
  #scanned = 0;
  #isAtEnd = false;
  #hasBegun = false;
  #tries = Number.POSITIVE_INFINITY;

  constructor(
    stream: ByteStream,
    position: number,
    dialect: CsvDialect,
    parser: RowParser,
    blockSize: number,
  ) {
    this.#stream = stream;
    this.#origin = position;
    this.#dialect = dialect;
    this.#comment = Buffer.from(dialect.comment ?? "");
    this.#parser = parser;
    this.#framer = new RecordFramer(dialect);
    this.#blockSize = blockSize;
  }

  /** The byte of the content where the next record begins. */
  get position(): number {
    return this.#origin + this.#start;
  }

  /** The next rows, at most `limit`, at least one; undefined: the content has ended. */
  async read<T>(limit: number): Promise<CsvBatch<T> | undefined> {
    if (!this.#hasBegun) await this.#begin();
    for (;;) {
      const batch = new CsvBatch<T>(this.#bytes, this.#origin);
      const longLine = this.#readBuffered(batch, limit);
      if (batch.size > 0) return batch;
      if (longLine !== undefined) {
        const isComment = this.#isComment();
        const bad = await this.#skipLine(longLine);
        if (isComment) continue;
        batch.addLongBad(bad);
        return batch;
      }
      if (this.#isAtEnd) return undefined;
      await this.#fill();
    }
  }

  close(): void | Promise<void> {
    return this.#stream.close();
  }

  async #begin(): Promise<void> {
    this.#hasBegun = true;
    const isFront = this.#origin === 0;
    do await this.#fill();
    while (isFront && !this.#isAtEnd && this.#filled < BYTE_ORDER_MARK.length);
    if (isFront && startsWith(this.#bytes, 0, this.#filled, BYTE_ORDER_MARK)) {
      this.#start = BYTE_ORDER_MARK.length;
    }
  }

  /**
   * Puts what the buffer holds into the batch. Returns an error when next comes a bad line whose end
   * is not in the buffer.
   */
  #readBuffered<T>(batch: CsvBatch<T>, limit: number): Error | undefined {
    while (batch.size < limit) {
      const frames = { starts: [], ends: [] };
      const stop = this.#frame(frames, Math.min(limit - batch.size, this.#tries));
      const again = this.#parser.parse(this.#bytes, frames, batch);
      this.#tries = again === undefined ? this.#tries * 2 : 1;
      if (again !== undefined) this.#beginAt(again);
      else if (stop === "more") return undefined;
      else if (stop !== "limit") {
        this.#scanned = 0;
        const end = this.#endOfLine();
        if (end === MORE) return stop;
        if (!this.#isComment()) batch.addBad(this.#start, end, stop);
        this.#beginAt(end);
        this.#tries = 1;
      }
    }
    return undefined;
  }

  /** Frames whole records, as far as the buffer holds them. */
  #frame({ starts, ends }: { starts: number[]; ends: number[] }, limit: number): Stop {
    const { maxRecordLength } = this.#dialect;
    while (starts.length < limit) {
      const start = this.#start;
      if (start === this.#filled) return "more";
      let end = this.#endOfRecord(start + maxRecordLength);
      if (end === BROKEN) return badRecord("there is a quote inside a field that is not quoted");
      if (end === MORE) {
        if (this.#filled > start + maxRecordLength) {
          return badRecord(`it has more than ${maxRecordLength} bytes`);
        }
        if (!this.#isAtEnd) return "more";
        if (this.#framer.isInside) return badRecord("a quote is opened and not closed");
        end = this.#filled;
      }
      if (!this.#isComment() && !isLeftOut(this.#dialect, this.#bytes, start, end)) {
        starts.push(start);
        ends.push(end);
      }
      this.#beginAt(end);
    }
    return "limit";
  }

  /** Looks no further than `limit`. */
  #endOfRecord(limit: number): number {
    const start = this.#start;
    const to = Math.min(this.#filled, limit);
    if (this.#comment.length > 0) {
      if (this.#filled - start < this.#comment.length && !this.#isAtEnd) return MORE;
      if (this.#isComment()) return this.#endOfLine();
    }
    if (this.#scanned === 0) this.#framer.begin();
    const end = this.#framer.scan(this.#bytes, start, start + this.#scanned, to);
    this.#scanned = to - start;
    return end;
  }

  /** Behind the newline of the line that begins next, or behind the last byte; or MORE. */
  #endOfLine(): number {
    const index = this.#bytes.subarray(this.#start, this.#filled).indexOf(NEWLINE);
    if (index >= 0) return this.#start + index + 1;
    return this.#isAtEnd ? this.#filled : MORE;
  }

  #isComment(): boolean {
    const comment = this.#comment;
    return comment.length > 0 && startsWith(this.#bytes, this.#start, this.#filled, comment);
  }

  #beginAt(start: number): void {
    this.#start = start;
    this.#scanned = 0;
  }

  /** Goes behind the end of a line, however far that is. */
  async #skipLine(error: Error): Promise<UnreadableBytes> {
    const { position } = this;
    const kept: Buffer[] = [];
    let keptLength = 0;
    let rawLength = 0;
    for (;;) {
      const end = this.#endOfLine();
      const line = this.#bytes.subarray(this.#start, end === MORE ? this.#filled : end);
      rawLength += line.length;
      if (keptLength < MAX_RAW) {
        const part = line.subarray(0, MAX_RAW - keptLength);
        kept.push(part);
        keptLength += part.length;
      }
      this.#beginAt(this.#start + line.length);
      if (end !== MORE) break;
      await this.#fill();
    }
    return { position, raw: Buffer.concat(kept, keptLength), rawLength, error };
  }

  /** Reads more, behind what is not yet framed, into another buffer. */
  async #fill(): Promise<void> {
    const rest = this.#filled - this.#start;
    const bytes = Buffer.allocUnsafeSlow(rest + Math.max(this.#blockSize, rest));
    this.#bytes.copy(bytes, 0, this.#start, this.#filled);
    this.#origin += this.#start;
    this.#start = 0;
    this.#bytes = bytes;
    let filled = rest;
    while (filled < bytes.length) {
      const read = await this.#stream.read(bytes.subarray(filled));
      if (read === 0) {
        this.#isAtEnd = true;
        break;
      }
      filled += read;
    }
    this.#filled = filled;
  }
}
