import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  COMPRESSION_TYPES,
  type CompressionType,
  RecordBatchBuilder,
  RecordBatchReader,
  type RecordBatchReaderOptions,
  RecordCodecs,
} from "../../../../src/connectors/kafka/records/index.js";
import { HeadwaterError } from "../../../../src/errors/index.js";
import { bytesOf } from "./golden-batches.js";

/** A failure prints the seed that repeats it. */
const RUNS = { numRuns: 1_500, verbose: 1 } as const;
const CODECS = ["gzip", "snappy", "lz4", "zstd"] as const;

let codecs: RecordCodecs;
beforeAll(async () => {
  codecs = await RecordCodecs.load();
  await codecs.prepare("zstd");
});

function readAll(bytes: Uint8Array, options: Partial<RecordBatchReaderOptions> = {}): unknown[] {
  return [...new RecordBatchReader(bytes, { codecs, partition: "t-0", ...options })];
}

/** Whether it reads, or says clearly what is wrong; anything else fails the test. */
function readsOrSays(bytes: Uint8Array): "read" | "said" {
  try {
    readAll(bytes, { checkCrcs: false, maxUncompressedBytes: 1_000_000 });
    return "read";
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    expect(["BAD_RECORD", "LIMIT_EXCEEDED", "UNSUPPORTED_OPERATION"]).toContain(error.code);
    expect(error.message).toMatch(/^t-0, record batch/);
    return "said";
  }
}

/** A batch of these compressed bytes, with a right checksum. */
function batchOf(type: CompressionType, content: Uint8Array, count = 1): Buffer {
  const builder = new RecordBatchBuilder({ codecs });
  builder.append(null, null, undefined, 1);
  const batch = Buffer.concat([builder.build().subarray(0, 61), content]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt16BE(COMPRESSION_TYPES.indexOf(type), 21);
  batch.writeInt32BE(count, 57);
  batch.writeUInt32BE(codecs.crc32c(batch, 21, batch.length), 17);
  return batch;
}

describe("damaged record batches", () => {
  it.each(COMPRESSION_TYPES)("ends quietly wherever the response is cut: %s", (type) => {
    const bytes = bytesOf(`${type}: few records`);
    for (let length = 0; length < bytes.length; length++) {
      expect(readAll(bytes.subarray(0, length))).toEqual([]);
    }
  });

  it.each(COMPRESSION_TYPES)("never gives records of a batch with a flipped bit: %s", (type) => {
    const bytes = bytesOf(`${type}: few records`);
    for (let bit = 8 * 8; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >>> 3] = (damaged[bit >>> 3] as number) ^ (1 << (bit & 7));
      let records: unknown[] = [];
      try {
        records = readAll(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(HeadwaterError);
      }
      // Neither base offset nor leader epoch is covered by the checksum (KIP-98).
      if (bit >= 12 * 8 && bit < 16 * 8) expect(records).toHaveLength(4);
      else expect(records).toEqual([]);
    }
  });

  it.each(COMPRESSION_TYPES)("reads or says what is wrong, without a checksum: %s", (type) => {
    const names = [`${type}: few records`, `${type}: many blocks`];
    let said = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (name, changes, isNearTheHeader) => {
          const damaged = bytesOf(name);
          const span = isNearTheHeader ? Math.min(60, damaged.length - 17) : damaged.length - 17;
          for (const [at, byte] of changes) damaged[17 + (at % span)] = byte;
          if (readsOrSays(damaged) === "said") said++;
        },
      ),
      { ...RUNS, numRuns: type === "none" ? 1_500 : 400 },
    );
    expect(said).toBeGreaterThan(50);
  });

  it.each(CODECS)("reads or says what is wrong with compressed bytes cut anywhere: %s", (type) => {
    const bytes = bytesOf(`${type}: few records`);
    for (let length = 0; length < bytes.length - 61; length++) {
      const batch = batchOf(type, bytes.subarray(61, 61 + length), 4);
      expect(() => readAll(batch)).toThrow(expect.objectContaining({ code: "BAD_RECORD" }));
    }
  });

  it("refuses a count that the bytes cannot hold before it makes room for it", () => {
    const batch = batchOf("none", Buffer.from("0c000000010100", "hex"), 0x7fffffff);
    expect(() => readAll(batch)).toThrow(/2147483647 records, which do not fit/);
  });

  it("refuses records that are not what their lengths say", () => {
    const one = (hex: string): Buffer => batchOf("none", Buffer.from(hex, "hex"));
    expect(readAll(one("0c000000010100"))).toHaveLength(1);
    expect(() => readAll(one("0e000000010100"))).toThrow(/record 1 of 1 ends behind its batch/);
    expect(() => readAll(one("0a000000010100"))).toThrow(/does not end where its length says/);
    expect(() => readAll(one("0c00000001010000"))).toThrow(/1 bytes follow its last record/);
    expect(() => readAll(one("0c000000030100"))).toThrow(/negative length/);
    expect(() => readAll(one("0c000002010100"))).toThrow(/has offset 1, not one between/);
    expect(() => readAll(one("0c000000010103"))).toThrow(/has -2 headers/);
    expect(() => readAll(one("0e00000001010204"))).toThrow(/has 1 headers/);
    expect(() => readAll(one("1000000001010205ff"))).toThrow(/header without a key/);
    expect(() => readAll(one("ffffffffff7f0000000101"))).toThrow(HeadwaterError);
  });

  it("refuses two records with one offset", () => {
    const batch = batchOf("none", Buffer.from("0c0000000101000c000000010100", "hex"), 2);
    expect(() => readAll(batch)).toThrow(/record 2 of 2 has offset 0/);
  });

  it("stops a decompression bomb at the limit", () => {
    const zeros = Buffer.alloc(8_000_000);
    for (const type of CODECS) {
      const bomb = batchOf(type, codecs.codec(type).compress(zeros));
      expect(bomb.length).toBeLessThan(500_000);
      expect(() => readAll(bomb, { maxUncompressedBytes: 1_000_000 })).toThrow(
        expect.objectContaining({
          code: "LIMIT_EXCEEDED",
          hint: expect.stringContaining("maxUncompressedBytes"),
        }),
      );
    }
  });

  it("takes exactly the limit", () => {
    const all = [
      ...CODECS.map((type) => [type, codecs] as const),
      ["lz4", new RecordCodecs()] as const,
    ];
    for (const [type, from] of all) {
      const codec = from.codec(type);
      for (const length of [1, 40_000, 65_536, 200_000, 262_144]) {
        const bytes = Buffer.alloc(length, "abcdefg");
        const compressed = codec.compress(bytes);
        expect(codec.decompress(compressed, length)?.equals(bytes), `${type} ${length}`).toBe(true);
        expect(codec.decompress(compressed, length - 1), `${type} ${length - 1}`).toBeUndefined();
      }
    }
  });

  it("does not believe a size that the compressed bytes cannot have", () => {
    const snappy = batchOf("snappy", Buffer.from("ffffffff070000", "hex"));
    expect(() => readAll(snappy)).toThrow(/its snappy bytes are damaged/);
    const zstd = batchOf("zstd", Buffer.from("28b52ffde0000000400000000001000000", "hex"));
    expect(() => readAll(zstd)).toThrow(/its zstd bytes are damaged/);
  });

  it.each(CODECS)("decompresses what it has compressed: %s", (type) => {
    const codec = codecs.codec(type);
    const plain = type === "zstd" ? codec : new RecordCodecs().codec(type);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.nat(90_000), fc.nat())
        .map(([part, length, seed]) => {
          const all = Buffer.alloc(length, part);
          for (let i = 0; i < length; i += 50 + (seed % 997)) all[i] = (i * 31 + seed) & 0xff;
          return all;
        }),
    );
    fc.assert(
      fc.property(bytes, (content) => {
        const compressed = codec.compress(content);
        expect(codec.decompress(compressed, 10 * content.length + 100)?.equals(content)).toBe(true);
        expect(plain.decompress(compressed, content.length)?.equals(content)).toBe(true);
      }),
      { numRuns: 100, verbose: 1 },
    );
  });

  it("reads plain Snappy without a stream, several streams, several gzip members and zstd frames", () => {
    const record = Buffer.from("0c000000010100", "hex");
    const plain = Buffer.concat([Buffer.from([7, 6 << 2]), record]);
    expect(readAll(batchOf("snappy", plain))).toHaveLength(1);
    const halves = [record.subarray(0, 3), record.subarray(3)];
    for (const type of ["snappy", "zstd"] as const) {
      const codec = codecs.codec(type);
      const both = Buffer.concat(halves.map((half) => codec.compress(half)));
      expect(readAll(batchOf(type, both)), type).toHaveLength(1);
    }
    const members = Buffer.concat(halves.map((half) => gzipSync(half)));
    expect(readAll(batchOf("gzip", members))).toHaveLength(1);
  });
});
