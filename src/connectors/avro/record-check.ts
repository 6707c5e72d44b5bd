import { isUtf8 } from "node:buffer";
import type { Type, types } from "avsc";
import { badRecord } from "./avro-errors.js";
import { varintLength, varintValue } from "./varint.js";

/** Records, arrays and maps within each other. */
const MAX_DEPTH = 1000;
/** Entries of arrays and maps, and records without bytes, in one block: none of them need take a byte. */
const MAX_ENTRIES = 16 * 1024 * 1024;
/** avsc reads a number beyond it with the wrong sign, or refuses it. */
const EXACT_LONG = 2 ** 52;

/** What a record holds that its decoding has to know about. */
export interface RecordFacts {
  /** A long beyond ±2^52. */
  hasLargeLong: boolean;
  /** One below −2^52. */
  hasLargeNegativeLong: boolean;
  /** A reason for which the record cannot be decoded, though its end is known. */
  problem: string | undefined;
}

type Check = (cursor: RecordCursor) => void;

/**
 * Goes over the bytes of a block before avsc decodes them: avsc trusts every count and length, and so
 * would fill memory with entries that are not there.
 *
 * Owns: the place in a block, and what has been seen in the record. Called by: the block decoder.
 * Invariants: within `bytes`; the time it takes is bounded by the block's size and MAX_ENTRIES.
 */
export class RecordCursor implements RecordFacts {
  readonly bytes: Buffer;
  at = 0;
  depth = 0;
  #entries = 0;
  readonly #isInt64Number: boolean;
  hasLargeLong = false;
  hasLargeNegativeLong = false;
  problem: string | undefined;

  constructor(bytes: Buffer, isInt64Number: boolean) {
    this.bytes = bytes;
    this.#isInt64Number = isInt64Number;
  }

  /** Goes behind the next record; throws BAD_RECORD when the block cannot be what it claims. */
  check(record: Check): void {
    this.hasLargeLong = false;
    this.hasLargeNegativeLong = false;
    this.problem = undefined;
    const { at } = this;
    record(this);
    if (this.at === at) this.claim(1);
  }

  long(): number {
    const { bytes, at } = this;
    const first = bytes[at] as number;
    if (first < 0x80) {
      this.at = at + 1;
      return (first >>> 1) ^ -(first & 1);
    }
    const length = varintLength(bytes, at, bytes.length);
    if (length <= 0) throw this.broken("a number without an end");
    this.at = at + length;
    return varintValue(bytes, at, length);
  }

  /** A long that is a value. */
  longValue(): void {
    const value = this.long();
    if (value <= EXACT_LONG && value >= -EXACT_LONG) return;
    this.hasLargeLong = true;
    if (value < 0) this.hasLargeNegativeLong = true;
    if (this.#isInt64Number && !Number.isSafeInteger(value)) {
      this.problem ??=
        'a long is beyond ±(2^53 − 1) and no exact number; set avroSource.int64 to "bigint"';
    }
  }

  skip(count: number): void {
    if (count < 0 || count > this.bytes.length - this.at) {
      throw this.broken(`a value of ${count} bytes where ${this.bytes.length - this.at} are left`);
    }
    this.at += count;
  }

  text(): string | undefined {
    const length = this.long();
    const { at, bytes } = this;
    this.skip(length);
    const isKeyName = length === 9 && bytes[at] === 0x5f;
    for (let i = at; i < this.at; i++) {
      if ((bytes[i] as number) < 0x80) continue;
      if (!isUtf8(bytes.subarray(i, this.at))) this.problem ??= "a string is not UTF-8";
      break;
    }
    return isKeyName ? bytes.toString("latin1", at, this.at) : undefined;
  }

  /** Entries of one part of an array or a map; 0: there are no more. */
  entries(): number {
    const count = this.long();
    if (count >= 0) return this.claim(count);
    this.long();
    return this.claim(-count);
  }

  claim(count: number): number {
    this.#entries += count;
    if (!(this.#entries <= MAX_ENTRIES)) {
      throw this.broken(`more than ${MAX_ENTRIES} entries of arrays and maps in one block`);
    }
    return count;
  }

  enter(): void {
    if (++this.depth > MAX_DEPTH) throw this.broken(`values nested more than ${MAX_DEPTH} deep`);
  }

  leave(): void {
    this.depth--;
  }

  broken(what: string): Error {
    return badRecord(`the block cannot be decoded: ${what} at byte ${this.at} of its records`);
  }
}

/** How to go over a record of the type. */
export function checkOf(type: Type): Check {
  return build(type, new Map());
}

function build(type: Type, known: Map<Type, Check>): Check {
  const before = known.get(type);
  if (before !== undefined) return before;
  // A type may contain itself: by then its check is this one.
  let check: Check | undefined;
  known.set(type, (cursor) => (check as Check)(cursor));
  check = create(type, known);
  known.set(type, check);
  return check;
}

function create(type: Type, known: Map<Type, Check>): Check {
  const { typeName } = type;
  if (typeName.startsWith("logical:")) {
    return build((type as types.LogicalType).underlyingType, known);
  }
  switch (typeName) {
    case "null":
      return () => {};
    case "boolean":
      return (cursor) => {
        cursor.skip(1);
        if ((cursor.bytes[cursor.at - 1] as number) > 1) throw cursor.broken("no boolean");
      };
    case "int":
      return (cursor) => {
        const value = cursor.long();
        if (value !== (value | 0)) throw cursor.broken("an int beyond 32 bits");
      };
    case "long":
    case "abstract:long":
      return (cursor) => cursor.longValue();
    case "float":
      return (cursor) => cursor.skip(4);
    case "double":
      return (cursor) => cursor.skip(8);
    case "bytes":
      return (cursor) => cursor.skip(cursor.long());
    case "string":
      return (cursor) => {
        cursor.text();
      };
    case "fixed": {
      const { size } = type as types.FixedType;
      return (cursor) => cursor.skip(size);
    }
    case "enum": {
      const { length } = (type as types.EnumType).symbols;
      return (cursor) => {
        const index = cursor.long();
        if (!(index >= 0 && index < length)) throw cursor.broken(`no symbol ${index} of an enum`);
      };
    }
    case "array":
      return ofArray(build((type as types.ArrayType).itemsType, known));
    case "map":
      return ofMap(build((type as types.MapType).valuesType, known));
    case "union:wrapped":
    case "union:unwrapped":
      return ofUnion(
        (type as types.UnwrappedUnionType).types.map((branch) => build(branch, known)),
      );
    case "record":
    case "error":
      return ofRecord((type as types.RecordType).fields.map((field) => build(field.type, known)));
    default:
      throw badRecord(`avsc has the type ${typeName}, which is unknown`);
  }
}

function ofArray(items: Check): Check {
  return (cursor) => {
    cursor.enter();
    for (let count = cursor.entries(); count > 0; count = cursor.entries()) {
      for (; count > 0; count--) items(cursor);
    }
    cursor.leave();
  };
}

function ofMap(values: Check): Check {
  return (cursor) => {
    cursor.enter();
    for (let count = cursor.entries(); count > 0; count = cursor.entries()) {
      for (; count > 0; count--) {
        if (cursor.text() === "__proto__") {
          cursor.problem ??= "a map has the key __proto__, which avsc takes for the prototype";
        }
        values(cursor);
      }
    }
    cursor.leave();
  };
}

function ofUnion(branches: readonly Check[]): Check {
  return (cursor) => {
    const index = cursor.long();
    const branch = branches[index];
    if (branch === undefined) throw cursor.broken(`no branch ${index} of a union`);
    branch(cursor);
  };
}

function ofRecord(fields: readonly Check[]): Check {
  return (cursor) => {
    cursor.enter();
    for (const field of fields) field(cursor);
    cursor.leave();
  };
}
