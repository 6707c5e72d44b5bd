/** A header of a record. */
export interface RecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

/** One record as a plain object; key and value are views of the batch's bytes. */
export interface KafkaRecord {
  readonly offset: number;
  /** Milliseconds since 1970; -1: the producer gave none. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

/** What the decoder writes for each record: numbers in one array, ROW of them a record. */
export const ROW = 6;
export const OFFSET_DELTA = 0;
export const KEY_START = 1;
export const KEY_LENGTH = 2;
export const VALUE_START = 3;
export const VALUE_LENGTH = 4;
/** Where the number of headers lies; 0: the record has none. */
export const HEADERS_START = 5;

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);
const NO_BYTES = Buffer.alloc(0);

/**
 * The records of a batch by columns: numbers in typed arrays, keys and values as ranges of `bytes`.
 *
 * Owns: the arrays, which the next batch may use again.
 * Called by: whoever reads records, by index from 0 to count.
 * Invariants: offsets rise; every range lies in `bytes`; views of `bytes` keep the whole batch
 * (uncompressed: the whole fetch response) in memory.
 */
export class RecordColumns {
  count = 0;
  /** What the ranges are of. */
  bytes: Buffer = NO_BYTES;
  /** The bytes are of this batch alone, and nobody uses their memory again. */
  isOwn = false;
  baseOffset = 0;
  /** For the decoder. */
  rows = new Int32Array(0);
  /** Milliseconds since 1970. For the decoder. */
  timestamps = new Float64Array(0);

  /** Room for so many records. */
  reserve(count: number): void {
    if (this.timestamps.length >= count) return;
    this.rows = new Int32Array(count * ROW);
    this.timestamps = new Float64Array(count);
  }

  offset(i: number): number {
    return this.baseOffset + this.#at(i, OFFSET_DELTA);
  }

  /** Milliseconds since 1970; -1: the producer gave none. */
  timestamp(i: number): number {
    return this.timestamps[i] as number;
  }

  keyStart(i: number): number {
    return this.#at(i, KEY_START);
  }

  /** -1: the record has no key. */
  keyLength(i: number): number {
    return this.#at(i, KEY_LENGTH);
  }

  valueStart(i: number): number {
    return this.#at(i, VALUE_START);
  }

  /** -1: the record has no value; in a compacted topic that deletes its key. */
  valueLength(i: number): number {
    return this.#at(i, VALUE_LENGTH);
  }

  key(i: number): Buffer | null {
    return this.#view(this.#at(i, KEY_START), this.#at(i, KEY_LENGTH));
  }

  value(i: number): Buffer | null {
    return this.#view(this.#at(i, VALUE_START), this.#at(i, VALUE_LENGTH));
  }

  /** The key as UTF-8; what is no UTF-8 becomes U+FFFD. */
  keyText(i: number): string | null {
    return this.#text(this.#at(i, KEY_START), this.#at(i, KEY_LENGTH));
  }

  /** The value as UTF-8; what is no UTF-8 becomes U+FFFD. */
  valueText(i: number): string | null {
    return this.#text(this.#at(i, VALUE_START), this.#at(i, VALUE_LENGTH));
  }

  /** Decoded at every call; the batch's decoder has checked them. */
  headers(i: number): readonly RecordHeader[] {
    const start = this.#at(i, HEADERS_START);
    if (start === 0) return NO_HEADERS;
    const cursor = { at: start };
    const headers: RecordHeader[] = [];
    for (let count = this.#varint(cursor); count > 0; count--) {
      const keyLength = this.#varint(cursor);
      const key = this.bytes.toString("utf8", cursor.at, cursor.at + keyLength);
      cursor.at += keyLength;
      const valueLength = this.#varint(cursor);
      headers.push({ key, value: this.#view(cursor.at, valueLength) });
      cursor.at += Math.max(valueLength, 0);
    }
    return headers;
  }

  /** The record as an object of its own. */
  record(i: number): KafkaRecord {
    return {
      offset: this.offset(i),
      timestamp: this.timestamp(i),
      key: this.key(i),
      value: this.value(i),
      headers: this.headers(i),
    };
  }

  #at(i: number, column: number): number {
    return this.rows[i * ROW + column] as number;
  }

  #view(start: number, length: number): Buffer | null {
    return length < 0 ? null : this.bytes.subarray(start, start + length);
  }

  #text(start: number, length: number): string | null {
    return length < 0 ? null : this.bytes.toString("utf8", start, start + length);
  }

  #varint(cursor: { at: number }): number {
    let raw = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[cursor.at++] as number;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
  }
}
