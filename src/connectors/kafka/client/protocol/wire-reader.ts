import { int64At } from "../../records/batch-layout.js";

/** Reads the fields of a response one after the other; throws RangeError behind its end. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#advance(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }

  int64(): number {
    return int64At(this.#bytes, this.#advance(8));
  }

  bool(): boolean {
    return this.int8() !== 0;
  }

  string(): string {
    return this.nullableString() ?? "";
  }

  nullableString(): string | undefined {
    const length = this.int16();
    if (length < 0) return undefined;
    const at = this.#advance(length);
    return this.#bytes.toString("utf8", at, at + length);
  }

  /** A view of the response's bytes, not a copy. */
  nullableBytes(): Buffer | undefined {
    const length = this.int32();
    if (length < 0) return undefined;
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** An absent array (length −1) has no entries. */
  array<T>(read: (from: this) => T): T[] {
    const length = this.int32();
    const values: T[] = [];
    for (let i = 0; i < length; i++) values.push(read(this));
    return values;
  }

  #advance(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) {
      throw new RangeError(
        `a response of ${this.#bytes.length} bytes ends in the middle of a field`,
      );
    }
    this.#at = at + length;
    return at;
  }
}
