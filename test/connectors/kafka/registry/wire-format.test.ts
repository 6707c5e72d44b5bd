import { describe, expect, it } from "vitest";
import {
  type KafkaRegistryOptions,
  kafkaRegistry,
} from "../../../../src/connectors/kafka/registry/kafka-registry.js";
import {
  type RegistrySerializerOptions,
  registrySerializer,
} from "../../../../src/connectors/kafka/registry/registry-serializer.js";
import { useRegistryServer } from "./registry-server.js";

const registry = useRegistryServer();
let subjects = 0;

/** Bytes by hand: the magic byte, the id, and what follows in hex. */
function message(id: number, hex: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(id, 1);
  return Buffer.concat([prefix, Buffer.from(hex.replaceAll(" ", ""), "hex")]);
}

/** Decodes them in the middle of others, as in a fetch. */
async function decode(
  bytes: Buffer,
  options: Partial<KafkaRegistryOptions> = {},
): Promise<unknown> {
  const { field, preparation } = kafkaRegistry({ url: registry.url, ...options });
  const before = Buffer.from("ffff", "hex");
  const around = Buffer.concat([before, bytes, Buffer.alloc(20, 0x02)]);
  const end = before.length + bytes.length;
  const missing = preparation?.missing(around, before.length, end);
  if (missing !== undefined) await preparation?.load(new Set([missing]));
  const value = field(around, before.length, end);
  around.fill(0xee);
  return value;
}

async function encode<T>(
  options: Omit<RegistrySerializerOptions<T>, "url" | "subject">,
  value: T,
): Promise<Buffer> {
  const serializer = registrySerializer<T>({
    url: registry.url,
    subject: `golden-${subjects++}`,
    register: true,
    ...options,
  });
  await serializer.open();
  return serializer.serialize(value) as Buffer;
}

const added = (schemaType: string, schema: string | object, ...references: string[]): number =>
  registry.add(`added-${subjects++}`, {
    schema: typeof schema === "string" ? schema : JSON.stringify(schema),
    schemaType,
    references: references.map((subject) => ({ name: subject, subject, version: 1 })),
  });
const avro = (schema: string | object, ...references: string[]) =>
  added("AVRO", schema, ...references);
const record = (...fields: object[]) => ({ type: "record", name: "R", namespace: "n", fields });

describe("Avro in Confluent's wire format", () => {
  it("is the magic byte 0, the id as four bytes and the value", async () => {
    const id = registry.add(
      "big-id",
      {
        schema: JSON.stringify(record({ name: "a", type: "int" }, { name: "b", type: "string" })),
      },
      0x01020304,
    );
    expect(await decode(Buffer.from("00010203040a0678797a", "hex"))).toEqual({ a: 5, b: "xyz" });
    expect(id).toBe(0x01020304);
    const schema = record({ name: "a", type: "int" }, { name: "b", type: "string" });
    const bytes = await encode({ schema }, { a: 5, b: "xyz" });
    expect(bytes.subarray(5).toString("hex")).toBe("0a0678797a");
    expect(bytes[0]).toBe(0);
    expect(await decode(bytes)).toEqual({ a: 5, b: "xyz" });
  });

  it("writes and reads values of simple schemas, unions, maps, bytes and long texts", async () => {
    const schema = record(
      { name: "u", type: ["null", "string", "long"] },
      { name: "m", type: { type: "map", values: { type: "array", items: "long" } } },
      { name: "b", type: "bytes" },
      { name: "t", type: "string" },
    );
    for (const u of [null, "text", 7]) {
      const value = { u, m: { a: [1, -2], b: [] }, b: Buffer.from([1, 2]), t: "é".repeat(5000) };
      const bytes = await encode({ schema }, value);
      expect(await decode(bytes)).toEqual(value);
    }
    expect(await decode(await encode({ schema: '"string"' }, "x"))).toBe("x");
  });

  it.each([
    0n,
    -1n,
    63n,
    64n,
    -65n,
    2n ** 27n,
    2n ** 31n,
    -(2n ** 31n) - 1n,
    2n ** 34n + 1n,
    2n ** 52n,
    -(2n ** 52n) - 1n,
    2n ** 53n - 1n,
    1n - 2n ** 53n,
    2n ** 53n,
    -(2n ** 53n),
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
  ])("has the 64-bit integer %s exactly, or as a bad record", async (n) => {
    const schema = record({ name: "n", type: "long" });
    const bytes = await encode({ schema }, { n });
    expect(await decode(bytes, { int64: "bigint" })).toEqual({ n });
    if (n === BigInt(Number(n)) && Number.isSafeInteger(Number(n))) {
      expect(await decode(bytes)).toEqual({ n: Number(n) });
    } else {
      await expect(decode(bytes)).rejects.toThrow(/beyond ±\(2\^53 − 1\).*int64 to "bigint"/);
    }
  });

  it("has dates and timestamps as dates or numbers", async () => {
    const schema = record(
      { name: "d", type: { type: "int", logicalType: "date" } },
      { name: "ms", type: { type: "long", logicalType: "timestamp-millis" } },
      { name: "us", type: ["null", { type: "long", logicalType: "timestamp-micros" }] },
    );
    const at = Date.UTC(2024, 1, 29);
    const value = { d: new Date(at), ms: new Date(at + 5), us: new Date(at + 6) };
    const bytes = await encode({ schema }, value);
    expect(await decode(bytes)).toEqual(value);
    expect(await decode(bytes, { timestamps: "number" })).toEqual({
      d: at,
      ms: at + 5,
      us: at + 6,
    });
    expect(await decode(bytes, { int64: "bigint" })).toEqual(value);
  });

  it("comes in the reader's schema: defaults, promotions, fields left out", async () => {
    const id = avro(
      record(
        { name: "a", type: "int" },
        { name: "b", type: "long" },
        { name: "c", type: "string" },
      ),
    );
    const bytes = message(id, "0a 0e 0278");
    const readerSchema = record(
      { name: "z", type: "string", default: "none" },
      { name: "b", type: "double" },
      { name: "a", type: "long" },
    );
    expect(await decode(bytes, { readerSchema })).toEqual({ z: "none", b: 7, a: 5 });
    const wide = record({ name: "a", type: "long" });
    expect(await decode(bytes, { readerSchema: wide, int64: "bigint" })).toEqual({ a: 5n });
    const other = record({ name: "a", type: "string" });
    await expect(decode(bytes, { readerSchema: other })).rejects.toThrow(/cannot be used/);
  });

  it("follows references to other subjects", async () => {
    registry.add("inner", {
      schema: JSON.stringify({ type: "enum", name: "n.Inner", symbols: ["A", "B"] }),
    });
    registry.add("middle", {
      schema: JSON.stringify({
        type: "record",
        name: "n.Middle",
        fields: [{ name: "i", type: "n.Inner" }],
      }),
      references: [{ name: "n.Inner", subject: "inner", version: 1 }],
    });
    const id = avro(
      record({ name: "m", type: "n.Middle" }, { name: "i", type: "n.Inner" }),
      "middle",
      "inner",
    );
    expect(await decode(message(id, "02 00"))).toEqual({ m: { i: "B" }, i: "A" });
  });

  it("makes bytes of another schema a bad record, also with counts that are not there", async () => {
    const id = avro(record({ name: "a", type: { type: "array", items: "null" } }));
    await expect(decode(message(id, "feffffffff7f 00"))).rejects.toThrow(
      /more than 16777216 entries/,
    );
    const texts = avro(record({ name: "a", type: { type: "array", items: "string" } }));
    await expect(decode(message(texts, "80808008"))).rejects.toThrow(/cut short/);
    const maps = avro(record({ name: "a", type: { type: "map", values: "int" } }));
    await expect(decode(message(maps, "02 125f5f70726f746f5f5f 02 00"))).rejects.toThrow(
      "__proto__",
    );
    const one = avro(record({ name: "a", type: "string" }));
    await expect(decode(message(one, "0878"))).rejects.toThrow(/cut short/);
    await expect(decode(message(one, "0278 00"))).rejects.toThrow(/1 bytes too many/);
  });
});

const PROTO = `syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
enum Kind { NONE = 0; BIG = 1; }
message First { string name = 1; Kind kind = 2; }
message Second {
  map<string, int64> counts = 1;
  message Deep { int64 id = 1; }
  message Deeper { uint64 id = 1; bytes data = 2; repeated Deep deep = 3; }
}
message Third { google.protobuf.Timestamp at = 1; sint64 n = 2; Third next = 3; }
`;
const protobuf = () => added("PROTOBUF", PROTO);

describe("Protobuf in Confluent's wire format", () => {
  it("has a single 0 for the first message, also when an enum stands before it", async () => {
    const bytes = message(protobuf(), "00 0a0178 1001");
    expect(await decode(bytes)).toEqual({ name: "x", kind: 1 });
    expect(await decode(message(protobuf(), "02 00 0a0178"))).toEqual({ name: "x", kind: 0 });
    const written = await encode({ schema: PROTO, type: "protobuf" }, { name: "x", kind: 1 });
    expect(written.subarray(5).toString("hex")).toBe("000a01781001");
  });

  it("has the empty message, and messages that begin with zeros", async () => {
    expect(await decode(message(protobuf(), "00"))).toEqual({ name: "", kind: 0 });
  });

  it("names other messages by their indexes, from outside inwards", async () => {
    // Two indexes, 1 and 1: the second message in the second message.
    const bytes = message(protobuf(), "04 02 02 08ffffffffffffffffff01 120201021a0208051a00");
    const value = { id: 2n ** 64n - 1n, data: Buffer.from([1, 2]), deep: [{ id: 5n }, { id: 0n }] };
    expect(await decode(bytes, { int64: "bigint" })).toEqual(value);
    await expect(decode(bytes)).rejects.toThrow(/int64 to "bigint"/);
    const written = await encode(
      { schema: PROTO, type: "protobuf", messageName: "Second.Deeper" },
      value,
    );
    expect(await decode(written, { int64: "bigint" })).toEqual(value);
    expect(written.subarray(5, 8).toString("hex")).toBe("040202");
    const third = await encode(
      { schema: PROTO, type: "protobuf", messageName: "shop.v1.Third" },
      { n: -(2n ** 63n), at: { seconds: 1, nanos: 2 } },
    );
    expect(third.subarray(5, 7).toString("hex")).toBe("0204");
    expect(await decode(third, { int64: "bigint" })).toEqual({
      at: { seconds: 1n, nanos: 2 },
      n: -(2n ** 63n),
      next: null,
    });
  });

  it("has the integers of maps", async () => {
    const bytes = message(protobuf(), "02 02 0a050a01611007");
    expect(await decode(bytes)).toEqual({ counts: { a: 7 } });
  });

  it("follows references to other files", async () => {
    registry.add("common.proto", {
      schemaType: "PROTOBUF",
      schema: 'syntax = "proto3"; package shop.v1; message Money { int32 cents = 1; }',
    });
    const text =
      'syntax = "proto3"; package shop.v1; import "common.proto"; message Order { Money price = 1; }';
    const id = added("PROTOBUF", text, "common.proto");
    expect(await decode(message(id, "00 0a020807"))).toEqual({ price: { cents: 7 } });
  });

  it.each([
    ["no message there", "02 0e", /no message with index 7/],
    ["indexes that are cut short", "04 02", /cut short/],
    ["a negative number of indexes", "01", /message indexes/],
    ["a value that is cut short", "00 0a05 78", /does not fit/],
  ])("makes %s a bad record", async (_what, hex, problem) => {
    await expect(decode(message(protobuf(), hex))).rejects.toThrow(problem);
  });

  it("refuses to write what does not fit", async () => {
    const options = { schema: PROTO, type: "protobuf" } as const;
    await expect(encode<unknown>(options, { name: 5 })).rejects.toThrow(/name: string expected/);
    await expect(encode<unknown>(options, 7)).rejects.toThrow(/object expected/);
  });
});

describe("JSON Schema in Confluent's wire format", () => {
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    "connect.version": 1,
    properties: { a: { type: "integer" }, at: { type: "string", format: "made-up" } },
    required: ["a"],
  };

  it("is text that is checked against the schema, both ways", async () => {
    const id = added("JSON", schema);
    const hex = (text: string) => Buffer.from(text).toString("hex");
    expect(await decode(message(id, hex('{"a":1,"at":"x"}')))).toEqual({ a: 1, at: "x" });
    await expect(decode(message(id, hex('{"a":"1"}')))).rejects.toThrow(/refuses \/a/);
    await expect(decode(message(id, hex('{"a":secret')))).rejects.toThrow(/it is no JSON$/);
    const bytes = await encode({ schema, type: "json" }, { a: 1 });
    expect(bytes.subarray(5).toString()).toBe('{"a":1}');
    await expect(encode({ schema, type: "json" }, {})).rejects.toThrow(/refuses the value/);
  });

  it("follows references by their names", async () => {
    registry.add("price.json", { schemaType: "JSON", schema: '{"type":"number"}' });
    const text = { type: "object", properties: { p: { $ref: "price.json" } } };
    const id = added("JSON", text, "price.json");
    const bytes = (value: object) =>
      message(id, Buffer.from(JSON.stringify(value)).toString("hex"));
    expect(await decode(bytes({ p: 1 }))).toEqual({ p: 1 });
    await expect(decode(bytes({ p: "1" }))).rejects.toThrow(/refuses \/p/);
  });
});

describe("a record that is not in the wire format", () => {
  it.each([
    ["empty", ""],
    ["too short", "00000001"],
    ["of another format", "0100000001 00"],
  ])("is a bad one when it is %s", async (_what, hex) => {
    await expect(decode(Buffer.from(hex.replaceAll(" ", ""), "hex"))).rejects.toThrow(/0 byte/);
  });

  it("is a bad one when its schema is not there, or cannot be used", async () => {
    await expect(decode(message(99_999, "00"))).rejects.toThrow(/has no schema 99999$/);
    const broken = avro('{"type":"reccord"}');
    await expect(decode(message(broken, "00"))).rejects.toThrow(/cannot be used/);
    const unknown = added("XML", "<a/>");
    await expect(decode(message(unknown, "00"))).rejects.toThrow(/its type XML is none of/);
  });
});
