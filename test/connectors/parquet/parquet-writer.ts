import { crc32, gzipSync } from "node:zlib";

type PhysicalType = "BOOLEAN" | "INT32" | "INT64" | "DOUBLE" | "BYTE_ARRAY";

/** A column of a small Parquet file; null stands for no value. */
export interface WrittenColumn {
  readonly name: string;
  readonly type: PhysicalType;
  readonly convertedType?: "UTF8" | "ENUM" | "TIMESTAMP_MILLIS" | "TIMESTAMP_MICROS" | "DATE";
  readonly optional?: boolean;
  /** A list of what the type says, one level deep. */
  readonly repeated?: boolean;
  readonly dictionary?: boolean;
  /** Damage: children that the schema says the column has. */
  readonly children?: number;
  /** The structs, with dots between them, that it lies in with its neighbours that say the same. */
  readonly group?: string;
  /** Damage: values that its data pages claim. */
  readonly claims?: number;
  /** Damage to the content of its data pages. */
  readonly damage?: (content: number[]) => number[];
  readonly values: readonly unknown[];
}

export interface WriteOptions {
  readonly columns: readonly WrittenColumn[];
  /** Rows of each row group; their sum is the length of every column. */
  readonly rowGroups: readonly number[];
  /** Rows of a page; default all of the row group. */
  readonly pageRows?: number;
  readonly crc?: boolean;
  /** Compression of every page; default none. */
  readonly codec?: Codec;
}

export type Codec = "UNCOMPRESSED" | "SNAPPY" | "GZIP";
const CODECS: Record<Codec, number> = { UNCOMPRESSED: 0, SNAPPY: 1, GZIP: 2 };

const TYPES: Record<PhysicalType, number> = {
  BOOLEAN: 0,
  INT32: 1,
  INT64: 2,
  DOUBLE: 5,
  BYTE_ARRAY: 6,
};
const CONVERTED = { UTF8: 0, ENUM: 4, DATE: 6, TIMESTAMP_MILLIS: 9, TIMESTAMP_MICROS: 10 };

/** Writes a small Parquet file, enough for the reader's tests. */
export function writeParquet(options: WriteOptions): Uint8Array {
  const body: number[] = [...Buffer.from("PAR1")];
  let row = 0;
  const groups = options.rowGroups.map((rows) => {
    const columns = options.columns.map((column) =>
      writeChunk(body, column, column.values.slice(row, row + rows), options),
    );
    row += rows;
    return struct([1, list(12, columns)], [2, i64(0)], [3, i64(rows)]);
  });
  const elements = schemaOf(options.columns);
  const footer = struct(
    [1, i32(1)],
    [2, list(12, elements)],
    [3, i64(row)],
    [4, list(12, groups)],
  ).bytes;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Uint8Array.from([...body, ...footer, ...length, ...Buffer.from("PAR1")]);
}

function schemaOf(columns: readonly WrittenColumn[]): Encoded[] {
  const elements: Encoded[] = [];
  let top = 0;
  let open: string | undefined;
  for (const column of columns) {
    const isNew = column.group === undefined || column.group !== open;
    if (isNew) top++;
    open = column.group;
    if (isNew && open !== undefined) {
      const names = open.split(".");
      const inside = columns.filter(({ group }) => group === open).length;
      for (const [i, name] of names.entries()) {
        const children = i === names.length - 1 ? inside : 1;
        elements.push(struct([3, i32(0)], [4, binary(name)], [5, i32(children)]));
      }
    }
    elements.push(elementOf(column));
  }
  return [struct([4, binary("schema")], [5, i32(top)]), ...elements];
}

function elementOf(column: WrittenColumn): Encoded {
  return struct(
    [1, i32(TYPES[column.type])],
    [3, i32(column.repeated ? 2 : column.optional ? 1 : 0)],
    [4, binary(column.name)],
    ...(column.children === undefined ? [] : [[5, i32(column.children)] as Field]),
    ...(column.convertedType === undefined
      ? []
      : [[6, i32(CONVERTED[column.convertedType])] as Field]),
  );
}

function writeChunk(
  body: number[],
  column: WrittenColumn,
  rows: readonly unknown[],
  options: WriteOptions,
): Encoded {
  const start = body.length;
  const distinct = [...new Set(rows.flat().filter((value) => value !== null))];
  if (column.dictionary) {
    const data = plain(column.type, distinct);
    const header: Field = [7, struct([1, i32(distinct.length)], [2, i32(0)])];
    writePage(body, 2, data, header, options);
  }
  const dataStart = body.length;
  const pageRows = options.pageRows ?? rows.length;
  let count = 0;
  for (let from = 0; from < rows.length; from += pageRows) {
    const page = rows.slice(from, from + pageRows);
    const slots = column.repeated ? page.flatMap((list) => toSlots(list)) : page.map(toSlot);
    const present = slots.filter((slot) => slot.level === 1).map((slot) => slot.value);
    const data = [
      ...(column.repeated ? levels(slots.map((slot) => slot.repetition)) : []),
      ...(column.repeated || column.optional ? levels(slots.map((slot) => slot.level)) : []),
      ...(column.dictionary
        ? indices(present.map((value) => distinct.indexOf(value as never)))
        : plain(column.type, present)),
    ];
    const encoding = column.dictionary ? 8 : 0;
    const header: Field = [
      5,
      struct([1, i32(column.claims ?? slots.length)], [2, i32(encoding)], [3, i32(3)], [4, i32(3)]),
    ];
    writePage(body, 0, column.damage?.(data) ?? data, header, options);
    count += slots.length;
  }
  const size = body.length - start;
  const meta = struct(
    [1, i32(TYPES[column.type])],
    [2, list(5, [i32(0), i32(3), i32(8)])],
    [3, list(8, [...(column.group?.split(".") ?? []), column.name].map(binary))],
    [4, i32(CODECS[options.codec ?? "UNCOMPRESSED"])],
    [5, i64(count)],
    [6, i64(size)],
    [7, i64(size)],
    [9, i64(dataStart)],
    ...(column.dictionary ? [[11, i64(start)] as Field] : []),
  );
  return struct([2, i64(start)], [3, meta]);
}

interface Slot {
  readonly value: unknown;
  readonly level: number;
  readonly repetition: number;
}

function toSlot(value: unknown): Slot {
  return { value, level: value === null ? 0 : 1, repetition: 0 };
}

function toSlots(list: unknown): Slot[] {
  const values = list as readonly unknown[];
  if (values.length === 0) return [{ value: null, level: 0, repetition: 0 }];
  return values.map((value, i) => ({ value, level: 1, repetition: i === 0 ? 0 : 1 }));
}

function writePage(
  body: number[],
  type: number,
  data: readonly number[],
  header: Field,
  options: WriteOptions,
): void {
  const crc: Field[] = options.crc ? [[4, i32(crc32(Uint8Array.from(data)) | 0)]] : [];
  const packed = compress(data, options.codec);
  const page = struct(
    [1, i32(type)],
    [2, i32(data.length)],
    [3, i32(packed.length)],
    ...crc,
    header,
  );
  // Spread arguments have to fit on the stack.
  for (const byte of page.bytes) body.push(byte);
  for (const byte of packed) body.push(byte);
}

function compress(data: readonly number[], codec: Codec = "UNCOMPRESSED"): readonly number[] {
  if (codec === "UNCOMPRESSED") return data;
  if (codec === "GZIP") return [...gzipSync(Uint8Array.from(data))];
  // Snappy: the length, then literals of at most 60 bytes.
  const packed = varint(BigInt(data.length));
  for (let from = 0; from < data.length; from += 60) {
    const literal = data.slice(from, from + 60);
    packed.push((literal.length - 1) << 2, ...literal);
  }
  return packed;
}

function plain(type: PhysicalType, values: readonly unknown[]): number[] {
  if (type === "BOOLEAN") return packBits(values.map(Number), 1);
  return values.flatMap((value) => {
    if (type === "BYTE_ARRAY") {
      const bytes =
        typeof value === "string" ? Buffer.from(value) : Buffer.from(value as Uint8Array);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [...length, ...bytes];
    }
    const bytes = Buffer.alloc(type === "INT32" ? 4 : 8);
    if (type === "INT32") bytes.writeInt32LE(value as number);
    else if (type === "INT64") bytes.writeBigInt64LE(BigInt(value as number));
    else bytes.writeDoubleLE(value as number);
    return [...bytes];
  });
}

function levels(values: readonly number[]): number[] {
  const bytes = packedRun(values, 1);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return [...length, ...bytes];
}

function indices(values: readonly number[]): number[] {
  const width = Math.max(1, 32 - Math.clz32(Math.max(0, ...values)));
  // One run-length run when all are alike, so that both kinds of run are written.
  if (values.length > 1 && values.every((value) => value === values[0])) {
    const bytes = Math.ceil(width / 8);
    const value = values[0] as number;
    const low = Array.from({ length: bytes }, (_, i) => (value >> (8 * i)) & 0xff);
    return [width, ...varint(BigInt(values.length * 2)), ...low];
  }
  return [width, ...packedRun(values, width)];
}

function packedRun(values: readonly number[], width: number): number[] {
  const groups = Math.ceil(values.length / 8);
  const padded = [...values, ...new Array<number>(groups * 8 - values.length).fill(0)];
  return [...varint(BigInt(groups * 2 + 1)), ...packBits(padded, width)];
}

function packBits(values: readonly number[], width: number): number[] {
  const bytes = new Array<number>(Math.ceil((values.length * width) / 8)).fill(0);
  for (const [i, value] of values.entries()) {
    for (let b = 0; b < width; b++) {
      const bit = i * width + b;
      bytes[bit >> 3] = (bytes[bit >> 3] as number) | (((value >> b) & 1) << (bit & 7));
    }
  }
  return bytes;
}

/** A value in Thrift's compact protocol, with its type. */
interface Encoded {
  readonly type: number;
  readonly bytes: number[];
}
type Field = [number, Encoded];

function struct(...fields: Field[]): Encoded {
  const bytes: number[] = [];
  let last = 0;
  for (const [id, value] of fields) {
    bytes.push(((id - last) << 4) | value.type);
    for (const byte of value.bytes) bytes.push(byte);
    last = id;
  }
  return { type: 12, bytes: [...bytes, 0] };
}

function list(type: number, items: readonly Encoded[]): Encoded {
  const head =
    items.length < 15
      ? [(items.length << 4) | type]
      : [0xf0 | type, ...varint(BigInt(items.length))];
  return { type: 9, bytes: [...head, ...items.flatMap((item) => item.bytes)] };
}

function binary(text: string): Encoded {
  const bytes = Buffer.from(text);
  return { type: 8, bytes: [...varint(BigInt(bytes.length)), ...bytes] };
}

function i32(value: number): Encoded {
  return { type: 5, bytes: varint(zigzag(BigInt(value), 32n)) };
}

function i64(value: number): Encoded {
  return { type: 6, bytes: varint(zigzag(BigInt(value), 64n)) };
}

function zigzag(value: bigint, bits: bigint): bigint {
  return BigInt.asUintN(Number(bits), (value << 1n) ^ (value >> (bits - 1n)));
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}
