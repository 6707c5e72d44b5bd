import { illegalArgument } from "../../../errors/index.js";

/** The most bytes that a text of Java's `writeUTF` has. */
const MAX_TEXT_BYTES = 65_535;

/** Writes numbers and texts as Java's `DataOutputStream` does: big-endian, modified UTF-8. */
export class JavaDataWriter {
  #bytes = Buffer.allocUnsafe(128);
  #length = 0;

  int(value: number): void {
    const at = this.#reserve(4);
    this.#bytes.writeInt32BE(value, at);
  }

  /** A whole number of at most 2^53 − 1, or a bigint of 64 bits. */
  long(value: number | bigint): void {
    const at = this.#reserve(8);
    this.#bytes.writeBigInt64BE(BigInt(value), at);
  }

  boolean(value: boolean): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value ? 1 : 0;
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
  }

  /** Throws ILLEGAL_ARGUMENT for a text of more than 65,535 bytes. */
  text(value: string): void {
    const encoded = encodeModifiedUtf8(value);
    if (encoded.length > MAX_TEXT_BYTES) {
      throw illegalArgument(`a text of ${encoded.length} bytes is longer than ${MAX_TEXT_BYTES}`);
    }
    const at = this.#reserve(2);
    this.#bytes.writeUInt16BE(encoded.length, at);
    this.bytes(encoded);
  }

  /** What has been written, in memory of its own. */
  toBytes(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length);
  }

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}

/** Reads what `JavaDataWriter` writes; throws ILLEGAL_ARGUMENT for bytes that nothing has written. */
export class JavaDataReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  long(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  boolean(): boolean {
    const value = this.#bytes[this.#take(1)] as number;
    if (value > 1) throw illegalArgument(`${value} is no boolean`);
    return value === 1;
  }

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  text(): string {
    const length = this.#bytes.readUInt16BE(this.#take(2));
    return decodeModifiedUtf8(this.bytes(length));
  }

  /** Throws when there is more. */
  end(): void {
    if (this.remaining > 0) throw illegalArgument(`${this.remaining} bytes too many`);
  }

  #take(count: number): number {
    const at = this.#at;
    if (count < 0 || count > this.remaining) {
      throw illegalArgument(`${count} bytes are needed and ${this.remaining} are there`);
    }
    this.#at += count;
    return at;
  }
}

/** UTF-16 units one by one: 0 takes two bytes, half of a pair three. */
function encodeModifiedUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit !== 0 && unit < 0x80) {
      bytes[length++] = unit;
    } else if (unit < 0x800) {
      bytes[length++] = 0xc0 | (unit >> 6);
      bytes[length++] = 0x80 | (unit & 0x3f);
    } else {
      bytes[length++] = 0xe0 | (unit >> 12);
      bytes[length++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[length++] = 0x80 | (unit & 0x3f);
    }
  }
  return bytes.subarray(0, length);
}

function decodeModifiedUtf8(bytes: Uint8Array): string {
  let text = "";
  const continued = (at: number): number => {
    const byte = bytes[at];
    if (byte === undefined || (byte & 0xc0) !== 0x80) throw notUtf8(at);
    return byte & 0x3f;
  };
  for (let i = 0; i < bytes.length; ) {
    const byte = bytes[i] as number;
    if (byte < 0x80) {
      text += String.fromCharCode(byte);
      i++;
    } else if ((byte & 0xe0) === 0xc0) {
      text += String.fromCharCode(((byte & 0x1f) << 6) | continued(i + 1));
      i += 2;
    } else if ((byte & 0xf0) === 0xe0) {
      text += String.fromCharCode(
        ((byte & 0x0f) << 12) | (continued(i + 1) << 6) | continued(i + 2),
      );
      i += 3;
    } else {
      throw notUtf8(i);
    }
  }
  return text;
}

function notUtf8(at: number): Error {
  return illegalArgument(`byte ${at} of a text is no modified UTF-8`);
}
