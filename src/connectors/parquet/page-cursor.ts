/** A 64-bit number needs no more. */
const MAX_VARINT = 10;
/** Page headers hold structs within structs; no writer goes deeper. */
const MAX_DEPTH = 16;

/** A struct of Thrift's compact protocol: what is told of its fields, by their ids. */
export type ThriftFields = ReadonlyMap<number, number | boolean | ThriftFields>;

/** Reads the bytes of pages from front to back; throws where they end too soon or make no sense. */
export class PageCursor {
  readonly bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  byte(): number {
    const byte = this.bytes[this.offset++];
    if (byte === undefined) throw new Error("it ends within a page");
    return byte;
  }

  skip(count: number): void {
    if (count < 0 || this.offset + count > this.bytes.length) {
      throw new Error("it ends within a page");
    }
    this.offset += count;
  }

  /** Its low 32 bits, as hyparquet takes them. */
  varint(): number {
    let value = 0;
    for (let i = 0; i < MAX_VARINT; i++) {
      const byte = this.byte();
      if (i < 5) value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    throw new Error("a number of it has too many bytes");
  }

  uint32(): number {
    const low = this.byte() | (this.byte() << 8) | (this.byte() << 16);
    return low + this.byte() * 0x1000000;
  }

  /** Binaries, doubles and lists are passed over. */
  thriftStruct(depth = 0): ThriftFields {
    if (depth > MAX_DEPTH) throw new Error("a page header is nested too deeply");
    const fields = new Map<number, number | boolean | ThriftFields>();
    let id = 0;
    for (;;) {
      const head = this.byte();
      const type = head & 0x0f;
      if (type === 0) return fields;
      id = head >> 4 === 0 ? this.#zigzag() : id + (head >> 4);
      const value = this.#element(type, depth);
      if (value !== undefined) fields.set(id, value);
    }
  }

  #zigzag(): number {
    const value = this.varint();
    return (value >>> 1) ^ -(value & 1);
  }

  #element(type: number, depth: number): number | boolean | ThriftFields | undefined {
    switch (type) {
      case 1:
      case 2:
        return type === 1;
      case 3:
        return this.byte();
      case 4:
      case 5:
      case 6:
        return this.#zigzag();
      case 7:
        this.skip(8);
        return undefined;
      case 8:
        this.skip(this.varint());
        return undefined;
      case 9:
        this.#list(depth);
        return undefined;
      case 12:
        return this.thriftStruct(depth + 1);
      default:
        throw new Error("a page header cannot be parsed");
    }
  }

  #list(depth: number): void {
    const head = this.byte();
    const type = head & 0x0f;
    const size = head >> 4 === 15 ? this.varint() : head >> 4;
    // Booleans of a list take a byte each.
    for (let i = 0; i < size; i++) this.#element(type <= 2 ? 3 : type, depth + 1);
  }
}
