import { writeInt64 } from "../../records/batch-layout.js";

const FIRST_BYTES = 256;

/** Writes the fields of a request one after the other, big-endian. */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;

  int8(value: number): this {
    const at = this.#advance(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.#advance(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#advance(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  int64(value: number): this {
    const at = this.#advance(8);
    writeInt64(this.#bytes, value, at);
    return this;
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  string(value: string | undefined): this {
    if (value === undefined) return this.int16(-1);
    const length = Buffer.byteLength(value);
    this.int16(length);
    const at = this.#advance(length);
    this.#bytes.write(value, at, length, "utf8");
    return this;
  }

  bytes(value: Uint8Array): this {
    this.int32(value.length);
    const at = this.#advance(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  array<T>(values: readonly T[], write: (value: T) => void): this {
    this.int32(values.length);
    for (const value of values) write(value);
    return this;
  }

  /** Makes room for so many more bytes: a large request would else be copied several times. */
  reserve(length: number): this {
    const wanted = this.#at + length;
    if (wanted > this.#bytes.length) this.#grow(wanted);
    return this;
  }

  /** What was written; the writer is not to be used any more. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Where so many bytes go; the buffer may be another one behind this call. */
  #advance(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) this.#grow(Math.max(this.#at, 2 * this.#bytes.length));
    return at;
  }

  #grow(size: number): void {
    const grown = Buffer.allocUnsafe(size);
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }
}
