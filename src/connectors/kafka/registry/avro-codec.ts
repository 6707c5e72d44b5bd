import type { Type } from "avsc";
import { typeOf } from "../../avro-types.js";
import type { RegisteredSchema } from "./registry-client.js";
import type { RegistryDriver } from "./registry-driver.js";
import type { CodecOptions, SchemaCodec } from "./schema-codec.js";

/** Entries of one array or map: none of them need take a byte. */
const MAX_ENTRIES = 16 * 1024 * 1024;
const LOW_BITS = 28;
const MAX_VARINT = 10;
const FIRST_SCRATCH = 1024;
/** avsc writes numbers up to here as they are. */
const EXACT_FOR_AVSC = 2 ** 51;

/** avsc's place in the bytes. */
interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  skipLong(): void;
  writeLong(value: number): void;
  readString(): string;
}

interface ReadingType {
  _read: (tap: Tap) => unknown;
}

interface WritingType {
  _write: (tap: Tap, value: unknown) => void;
}

type Overridden = "_read" | "_write" | "_isValid";

/** Values of an Avro schema. */
export function avroCodec(
  { avsc }: RegistryDriver,
  { schema, references }: RegisteredSchema,
  options: CodecOptions,
): SchemaCodec {
  const reading: Reading = { end: 0 };
  const make = (text: string | object, named: readonly unknown[]): Type =>
    typeOf(avsc, parseSchema(text), options, options.int64, {
      named,
      adapt: (part) => harden(part, options.int64, reading),
    });
  const texts = new Set(references.map((one) => one.schema));
  const named = [...texts].map(parseSchema);
  const writer = make(schema, named);
  const { readerSchema } = options;
  const type = readerSchema === undefined ? writer : make(readerSchema, []);
  const resolver = type === writer || type.equals(writer) ? undefined : type.createResolver(writer);
  let scratch = Buffer.alloc(FIRST_SCRATCH);
  return {
    decode(bytes, start, end) {
      reading.end = end;
      const { value, offset } = type.decode(bytes, start, resolver);
      if (offset === end) return value;
      const by = offset < 0 || offset > end ? "is cut short" : `has ${end - offset} bytes too many`;
      throw new Error(`it ${by} for its schema`);
    },
    encode(prefix, value) {
      let end = encodeInto(writer, scratch, prefix, value);
      if (end < 0) {
        scratch = Buffer.alloc(2 * (scratch.length - end));
        end = encodeInto(writer, scratch, prefix, value);
      }
      return Buffer.from(scratch.subarray(0, end));
    },
  };
}

/** Where the value that is being read ends. */
interface Reading {
  end: number;
}

/** A text that is no JSON is the name of a type. */
function parseSchema(schema: string | object): unknown {
  if (typeof schema !== "string" || /^\w+$/.test(schema)) return schema;
  return JSON.parse(schema);
}

/** Behind what was written; below 0: so many bytes were missing. */
function encodeInto(type: Type, scratch: Buffer, prefix: Buffer, value: unknown): number {
  prefix.copy(scratch);
  try {
    return type.encode(value, scratch, prefix.length);
  } catch (error) {
    let place: readonly string[] | undefined;
    type.isValid(value, {
      errorHook: (path) => {
        place ??= [...path];
      },
    });
    if (place === undefined || place.length === 0) throw error;
    throw new Error(`its schema refuses ${place.join(".")}`);
  }
}

/**
 * avsc trusts counts, so bytes of another schema could fill the memory; and unpacking 64-bit integers
 * costs it several times what their reading has to.
 */
function harden(part: Type, int64: "number" | "bigint", reading: Reading): Type {
  const inherited = Object.create(part) as Type & Record<Overridden, unknown>;
  const define = (key: Overridden, value: unknown): void => {
    Object.defineProperty(inherited, key, { value });
  };
  if (part.typeName === "array") {
    define("_read", function (this: { readonly itemsType: ReadingType }, tap: Tap) {
      const items: unknown[] = [];
      readEntries(tap, reading, () => {
        items.push(this.itemsType._read(tap));
      });
      return items;
    });
  } else if (part.typeName === "map") {
    define("_read", function (this: { readonly valuesType: ReadingType }, tap: Tap) {
      const values: Record<string, unknown> = {};
      readEntries(tap, reading, () => {
        const key = tap.readString();
        if (key === "__proto__") throw new Error("a map has the key __proto__");
        values[key] = this.valuesType._read(tap);
      });
      return values;
    });
  } else {
    define("_read", int64 === "bigint" ? readBigint : readNumber);
    define("_isValid", isLong);
    const writeAny = (part as unknown as WritingType)._write;
    define("_write", function (this: WritingType, tap: Tap, value: unknown) {
      const isSmall = Number.isInteger(value) && Math.abs(value as number) <= EXACT_FOR_AVSC;
      if (isSmall) tap.writeLong(value as number);
      else writeAny.call(this, tap, value);
    });
  }
  return inherited;
}

function readEntries(tap: Tap, { end }: Reading, readOne: () => void): void {
  let entries = 0;
  for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
    if (count < 0) {
      count = -count;
      tap.skipLong();
    }
    entries += count;
    if (!(entries <= MAX_ENTRIES)) throw new Error(`more than ${MAX_ENTRIES} entries`);
    for (; count > 0; count--) {
      readOne();
      if (tap.pos > end) throw new Error("it is cut short for its schema");
    }
  }
}

function isLong(value: unknown): boolean {
  return typeof value === "bigint"
    ? BigInt.asIntN(64, value) === value
    : Number.isSafeInteger(value);
}

function readNumber(tap: Tap): number {
  const { buf } = tap;
  let at = tap.pos;
  let low = 0;
  let byte = 0;
  for (let shift = 0; shift < LOW_BITS; shift += 7) {
    byte = buf[at++] as number;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80 || byte === undefined) {
      tap.pos = at;
      return (low >>> 1) ^ -(low & 1);
    }
  }
  // Half of the zigzag value: so it is exact up to 2^53.
  let half = low >>> 1;
  for (let scale = 2 ** (LOW_BITS - 1); byte >= 0x80; scale *= 128) {
    if (at - tap.pos === MAX_VARINT) throw new Error("it has a number without an end");
    byte = buf[at++] as number;
    half += (byte & 0x7f) * scale;
  }
  tap.pos = at;
  const value = low & 1 ? -half - 1 : half;
  if (Number.isSafeInteger(value)) return value;
  throw new Error('a long is beyond ±(2^53 − 1) and no exact number; set int64 to "bigint"');
}

function readBigint(tap: Tap): bigint {
  const { buf } = tap;
  let at = tap.pos;
  let low = 0;
  for (let shift = 0; shift < LOW_BITS; shift += 7) {
    const byte = buf[at++] as number;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80 || byte === undefined) {
      tap.pos = at;
      return BigInt((low >>> 1) ^ -(low & 1));
    }
  }
  let raw = BigInt(low);
  for (let shift = BigInt(LOW_BITS); ; shift += 7n) {
    if (at - tap.pos === MAX_VARINT) throw new Error("it has a number without an end");
    const byte = buf[at++] as number;
    raw |= BigInt(byte & 0x7f) << shift;
    if (!(byte >= 0x80)) break;
  }
  tap.pos = at;
  return BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n));
}
