import avsc from "avsc";
import { describe, expect, it } from "vitest";
import { AvroFormat } from "../../../src/connectors/avro/avro-format.js";
import { parseAvroOptions } from "../../../src/connectors/avro/avro-options.js";
import { badOf, MemoryFile, type Read, readFormat, valuesOf } from "../read-format.js";
import { block, container, encoded, header, long, SYNC, text } from "./avro-files.js";

type Row = Record<string, unknown>;

function read(content: Uint8Array, options: object = {}): Promise<Read<Row>[]> {
  const parsed = parseAvroOptions({ path: "memory", ...options });
  return readFormat(new AvroFormat<Row>(parsed), new MemoryFile(content));
}

const record = (...fields: object[]): object => ({ type: "record", name: "R", fields });
const ID = record({ name: "id", type: "int" });
const LONG = record({ name: "n", type: "long" });

describe("AvroFormat", () => {
  it("reads every type, as avsc's own encoder writes it, as plain objects", async () => {
    const schema = record(
      { name: "none", type: "null" },
      { name: "flag", type: "boolean" },
      { name: "i", type: "int" },
      { name: "l", type: "long" },
      { name: "f", type: "float" },
      { name: "d", type: "double" },
      { name: "b", type: "bytes" },
      { name: "s", type: "string" },
      { name: "e", type: { type: "enum", name: "E", symbols: ["A", "B"] } },
      { name: "x", type: { type: "fixed", name: "X", size: 3 } },
      { name: "list", type: { type: "array", items: "int" } },
      { name: "map", type: { type: "map", values: "string" } },
      { name: "maybe", type: ["null", "R"] },
    );
    const value = (maybe: unknown): Row => ({
      none: null,
      flag: true,
      i: -3,
      l: 2 ** 40,
      f: 0.5,
      d: Math.PI,
      b: Buffer.from([1, 2]),
      s: "zażółć 🦩",
      e: "B",
      x: Buffer.from("abc"),
      list: [1, -1],
      map: { k: "v", "": "w" },
      maybe,
    });
    const values = [value(null), value(value(null))];
    for (const codec of ["null", "deflate"]) {
      const result = await read(await encoded(schema, values, { codec }));
      expect(valuesOf(result)).toStrictEqual(values);
      expect(badOf(result)).toEqual([]);
      const [first] = valuesOf(result);
      expect(structuredClone({ ...first, b: 0, x: 0 })).toEqual({ ...first, b: 0, x: 0 });
      expect(JSON.parse(JSON.stringify(first)).map).toEqual({ k: "v", "": "w" });
    }
  });

  it("reads 64-bit integers exactly, or reports them", async () => {
    const exact = [2n ** 52n, -(2n ** 52n) - 1n, 2n ** 53n - 1n, -(2n ** 53n) + 1n, 0n, -1n];
    const beyond = [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)];
    const all = [...exact, ...beyond];
    const content = Buffer.concat([header(LONG), block(all.length, Buffer.concat(all.map(long)))]);
    const result = await read(content);
    expect(valuesOf(result)).toEqual(exact.map((n) => ({ n: Number(n) })));
    expect(badOf(result)).toEqual(
      beyond.map((n) => [
        long(n).toString(),
        expect.stringMatching(/beyond ±\(2\^53 − 1\).*int64 to "bigint"/),
      ]),
    );
    expect(valuesOf(await read(content, { int64: "bigint" }))).toEqual(all.map((n) => ({ n })));
  });

  it("makes dates of dates and timestamps, or milliseconds", async () => {
    const schema = record(
      { name: "day", type: { type: "int", logicalType: "date" }, default: 0 },
      { name: "ms", type: { type: "long", logicalType: "timestamp-millis" }, default: 5 },
      { name: "us", type: { type: "long", logicalType: "timestamp-micros" }, default: 7 },
    );
    const at = (day: number, ms: bigint, us: bigint): Buffer =>
      Buffer.concat([long(day), long(ms), long(us)]);
    const data = Buffer.concat([at(1, 1500n, -1001n), at(0, 10n ** 16n, 0n), at(0, 0n, 1999n)]);
    const content = Buffer.concat([header(schema), block(3, data)]);
    for (const int64 of ["number", "bigint"]) {
      const dates = await read(content, { int64 });
      expect(valuesOf(dates)).toEqual([
        { day: new Date(86_400_000), ms: new Date(1500), us: new Date(-2) },
        { day: new Date(0), ms: new Date(0), us: new Date(1) },
      ]);
      expect(badOf(dates)).toHaveLength(1);
      const numbers = await read(content, { int64, timestamps: "number" });
      expect(valuesOf(numbers)[0]).toEqual({ day: 86_400_000, ms: 1500, us: -2 });
    }
  });

  it("reads in another schema", async () => {
    const content = container(ID, [[{ id: 1 }], [{ id: 2 }]]);
    const readerSchema = record(
      { name: "key", aliases: ["id"], type: "long" },
      { name: "extra", type: "string", default: "none" },
    );
    const values = valuesOf(await read(content, { readerSchema }));
    expect(values).toStrictEqual([
      { key: 1, extra: "none" },
      { key: 2, extra: "none" },
    ]);
    const asText = valuesOf(await read(content, { readerSchema: JSON.stringify(readerSchema) }));
    expect(asText).toStrictEqual(values);
  });

  it("names file and field when the reader schema does not fit", async () => {
    const schema = record({
      name: "a",
      type: { type: "record", name: "In", fields: [{ name: "b", type: "string" }] },
    });
    const content = container(schema, []);
    const inner = (...fields: object[]): object =>
      record({ name: "a", type: { type: "record", name: "In", fields } });
    await expect(
      read(content, { readerSchema: inner({ name: "b", type: "int" }) }),
    ).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringMatching(/avroSource\.readerSchema: .* of memory, field a\.b: /),
    });
    await expect(
      read(content, { readerSchema: inner({ name: "c", type: "int" }) }),
    ).rejects.toThrow(/field a\.c: no matching field/);
    await expect(read(content, { readerSchema: "{" })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });

  it("refuses to read a large negative long as a float, which avsc would make positive", async () => {
    const content = Buffer.concat([
      header(LONG),
      block(2, Buffer.concat([long(-(2n ** 53n) + 3n), long(-7)])),
    ]);
    const result = await read(content, { readerSchema: record({ name: "n", type: "double" }) });
    expect(valuesOf(result)).toEqual([{ n: -7 }]);
    expect(badOf(result)[0]?.[1]).toContain("a long below −2^52");
  });

  it("wraps unions as avsc does", async () => {
    const content = container(record({ name: "u", type: ["null", "int"] }), [
      [{ u: null }, { u: 1 }],
    ]);
    expect(valuesOf(await read(content))).toEqual([{ u: null }, { u: 1 }]);
    const wrapped = valuesOf(await read(content, { wrapUnions: "always" }));
    expect(JSON.stringify(wrapped)).toBe('[{"u":null},{"u":{"int":1}}]');
    const ambiguous = container(record({ name: "u", type: ["int", "double"] }), [
      [{ u: { double: 2 } }],
    ]);
    expect(JSON.stringify(valuesOf(await read(ambiguous)))).toBe('[{"u":{"double":2}}]');
  });

  it("has other codecs decompress, and says which one is missing", async () => {
    const data = Buffer.from(long(21).map((byte) => byte ^ 0xff));
    const content = Buffer.concat([header(ID, "snappy"), block(1, data), block(1, data)]);
    await expect(read(content)).rejects.toMatchObject({
      code: "UNSUPPORTED_OPERATION",
      message: 'Avro file memory: its blocks are compressed with "snappy"',
      hint: expect.stringContaining("avroSource.codecs"),
    });
    const snappy = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0xff);
    expect(valuesOf(await read(content, { codecs: { snappy } }))).toEqual([{ id: 21 }, { id: 21 }]);
    const failing = await read(content, {
      codecs: {
        snappy: () => {
          throw new Error("wrong checksum");
        },
      },
    });
    expect(badOf(failing).map(([, reason]) => reason)).toEqual([
      "the block cannot be decompressed: wrong checksum",
      "the block cannot be decompressed: wrong checksum",
    ]);
  });

  it("refuses a file that is none", async () => {
    const good = container(ID, [[{ id: 1 }]]);
    const end = header(ID).length;
    for (let length = 0; length < end; length++) {
      await expect(read(good.subarray(0, length)), `${length}`).rejects.toMatchObject({
        code: "FILE_CORRUPT",
      });
    }
    const schemas = ["", "{", '{"type":"nonsense"}', '"R"', '{"type":"record","name":"R"}'];
    for (const schema of schemas) {
      await expect(read(header(schema)), schema).rejects.toMatchObject({ code: "FILE_CORRUPT" });
    }
    for (const name of ["__proto__", "a b", "x);process.exit(1"]) {
      await expect(read(header(record({ name, type: "int" })))).rejects.toMatchObject({
        code: "FILE_CORRUPT",
      });
    }
    const deep = `${'{"type":"array","items":'.repeat(50_000)}"int"${"}".repeat(50_000)}`;
    await expect(read(header(deep))).rejects.toMatchObject({ code: "FILE_CORRUPT" });
  });

  it("reports a damaged block with its bytes and place, and reads what is before and behind", async () => {
    const first = block(1, long(1));
    const last = block(2, Buffer.concat([long(2), long(3)]));
    const cases: [name: string, bytes: Buffer, reason: RegExp][] = [
      ["garbage", Buffer.concat([Buffer.from("garbage, not a block"), SYNC]), /./],
      ["count below zero", block(-1, long(1)), /claims -1 records/],
      ["too many records", block(3, long(1)), /claims 3 records in 1 bytes/],
      ["too few records", block(1, Buffer.concat([long(1), long(1)])), /1 bytes behind its last/],
      ["none in some bytes", block(0, long(1)), /bytes behind its last record/],
      ["a number without an end", block(1, Buffer.alloc(11, 0xff)), /number without an end/],
      ["an int beyond 32 bits", block(1, long(2 ** 31)), /int beyond 32 bits/],
      ["size below zero", Buffer.concat([long(1), long(-5), SYNC]), /claims -5 bytes/],
      ["a huge size", Buffer.concat([long(1), long(2n ** 62n), SYNC]), /more than maxBlockSize/],
      ["a size beyond", Buffer.concat([long(1), long(1e6), long(1), SYNC]), /file ends before/],
      ["another size", Buffer.concat([long(1), long(3), long(1), SYNC]), /sync marker/],
    ];
    for (const [name, bytes, reason] of cases) {
      const content = Buffer.concat([header(ID), first, bytes, last]);
      const position = header(ID).length + first.length;
      const result = await read(content);
      expect(valuesOf(result), name).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
      const { bad } = result[1] ?? {};
      expect(bad?.error, name).toMatchObject({
        code: "BAD_RECORD",
        message: expect.stringMatching(reason),
      });
      expect([bad?.position, bad?.rawLength], name).toEqual([position, bytes.length]);
      expect(Buffer.from(bad?.raw ?? []), name).toEqual(bytes);
      expect(result[1]?.position, name).toBe(position + bytes.length);
    }
  });

  it("reports data that cannot be inflated, or gives too much", async () => {
    const good = container(ID, [[{ id: 1 }]], "deflate");
    const bomb = container({ type: "bytes" }, [[Buffer.alloc(200_000)]], "deflate");
    const content = Buffer.concat([
      good,
      block(1, Buffer.from([0xff, 1, 2])),
      block(1, Buffer.alloc(0)),
    ]);
    const result = await read(content);
    expect(valuesOf(result)).toEqual([{ id: 1 }]);
    expect(badOf(result)).toHaveLength(2);
    const limited = await read(bomb, { maxBlockSize: 100_000 });
    expect(badOf(limited)[0]?.[1]).toMatch(/cannot be decompressed/);
  });

  it("keeps the first MiB of a bad block", async () => {
    const bytes = Buffer.concat([long(1), long(5), Buffer.alloc(3_000_000, 1), SYNC]);
    const result = await read(Buffer.concat([header(ID), bytes, block(1, long(4))]));
    expect(valuesOf(result)).toEqual([{ id: 4 }]);
    const raw = result[0]?.bad?.raw ?? new Uint8Array();
    expect(Buffer.compare(raw, bytes.subarray(0, 1024 * 1024))).toBe(0);
    expect(result[0]?.bad?.rawLength).toBe(bytes.length);
  });

  it("believes no count that would fill memory or take for ever", async () => {
    const list = record({ name: "l", type: { type: "array", items: "int" } });
    const nulls = record({ name: "l", type: { type: "array", items: "null" } });
    const map = record({ name: "m", type: { type: "map", values: "null" } });
    const empty = record();
    for (const [schema, data, count] of [
      [list, long(2n ** 40n), 1],
      [list, Buffer.concat([long(-(2n ** 62n)), long(1)]), 1],
      [nulls, Buffer.concat([long(2n ** 40n), long(0)]), 1],
      [nulls, Buffer.concat(Array.from({ length: 40 }, () => [long(1e6), long(0)]).flat()), 40],
      [map, Buffer.concat([long(2n ** 40n), text("k")]), 1],
      [record({ name: "b", type: "bytes" }), long(2n ** 50n), 1],
      [record({ name: "s", type: "string" }), long(-1), 1],
      [empty, Buffer.alloc(0), 2n ** 50n],
      [ID, Buffer.alloc(0), 1],
    ] as const) {
      const result = await read(Buffer.concat([header(schema), block(count, data)]));
      expect(result.map(({ bad }) => bad === undefined)).toEqual([false]);
    }
    const some = await read(Buffer.concat([header(empty), block(1000, Buffer.alloc(0))]));
    expect(valuesOf(some)).toEqual(Array.from({ length: 1000 }, () => ({})));
    expect(some[4]).toMatchObject({ skip: 5 });
  });

  it("reports values that are nested too deep", async () => {
    const node = record({ name: "next", type: ["null", "R"] });
    const chain = (length: number): Buffer =>
      Buffer.concat([...Array.from({ length }, () => long(1)), long(0)]);
    const content = Buffer.concat([
      header(node),
      block(1, chain(900)),
      block(1, chain(100_000)),
      block(1, chain(0)),
    ]);
    const result = await read(content);
    expect(result.map(({ bad }) => bad === undefined)).toEqual([true, false, true]);
    expect(badOf(result)[0]?.[1]).toContain("nested more than 1000 deep");
  });

  it("reports strings that are not UTF-8, and map keys that would set a prototype", async () => {
    const values = { type: "record", name: "V", fields: [{ name: "id", type: "int" }] };
    const schema = record({ name: "m", type: { type: "map", values } });
    const entry = (key: string | Buffer): Buffer =>
      Buffer.concat([long(1), text(key), long(9), long(0)]);
    const data = Buffer.concat([
      entry("a"),
      entry(Buffer.from([0xe4])),
      entry("__proto__"),
      entry("ä"),
    ]);
    const result = await read(Buffer.concat([header(schema), block(4, data)]));
    expect(valuesOf(result)).toEqual([{ m: { a: { id: 9 } } }, { m: { ä: { id: 9 } } }]);
    expect(badOf(result).map(([, reason]) => reason)).toEqual([
      "a string is not UTF-8",
      expect.stringContaining("__proto__"),
    ]);
    expect(result[1]).toMatchObject({ skip: 2 });
  });

  it("reads what avsc writes at random", async () => {
    const schema = record(
      { name: "a", type: { type: "array", items: ["null", "string", "long"] } },
      { name: "m", type: { type: "map", values: { type: "array", items: "double" } } },
    );
    const type = avsc.Type.forSchema(schema as Parameters<typeof avsc.Type.forSchema>[0]);
    const values = Array.from({ length: 500 }, () => type.random() as unknown as Row);
    const content = await encoded(schema, values, { codec: "deflate", blockSize: 1000 });
    expect(valuesOf(await read(content))).toEqual(values.map((value) => ({ ...value })));
  });
});
