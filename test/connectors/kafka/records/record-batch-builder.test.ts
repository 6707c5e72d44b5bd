import { createRequire } from "node:module";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type AppendHeader,
  COMPRESSION_TYPES,
  type KafkaRecord,
  nextSequence,
  RecordBatchBuilder,
  type RecordBatchBuilderOptions,
  RecordBatchReader,
  RecordCodecs,
} from "../../../../src/connectors/kafka/records/index.js";

/** A failure prints the seed that repeats it. */
const RUNS = { numRuns: 150, verbose: 1 } as const;

let codecs: RecordCodecs;
beforeAll(async () => {
  codecs = await RecordCodecs.load();
  await codecs.prepare("zstd");
});

interface Row {
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly headers: readonly AppendHeader[] | undefined;
  readonly timestamp: number;
}

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const bytes = fc.oneof(text, fc.uint8Array({ maxLength: 300 }), fc.constant(null));
const row: fc.Arbitrary<Row> = fc.record({
  key: bytes,
  value: bytes,
  headers: fc.option(fc.array(fc.record({ key: text, value: bytes }), { maxLength: 4 }), {
    nil: undefined,
  }),
  timestamp: fc.oneof(
    fc.integer({ min: 1_759_999_999_000, max: 1_760_000_001_000 }),
    fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 }),
    fc.constant(-1),
  ),
});

function builder(options: Partial<RecordBatchBuilderOptions> = {}): RecordBatchBuilder {
  return new RecordBatchBuilder({ codecs, ...options });
}

function read(batch: Buffer): KafkaRecord[] {
  return [...new RecordBatchReader(batch, { codecs, partition: "t-0" })];
}

function bytesOf(field: Uint8Array | string | null): Buffer | null {
  return field === null ? null : Buffer.from(field as string);
}

function expected({ key, value, headers = [], timestamp }: Row, i: number): KafkaRecord {
  return {
    offset: i,
    timestamp,
    key: bytesOf(key),
    value: bytesOf(value),
    headers: headers.map((header) => ({ key: header.key, value: bytesOf(header.value) })),
  };
}

describe("RecordBatchBuilder", () => {
  it.each(COMPRESSION_TYPES)("writes what the reader reads: %s", (compression) => {
    const under = builder({ compression });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        for (const { key, value, headers, timestamp } of rows) {
          expect(under.append(key, value, headers, timestamp)).toBe(true);
        }
        const size = under.sizeInBytes;
        const batch = under.build();
        expect(batch.length).toBeLessThanOrEqual(size);
        expect(read(batch)).toEqual(rows.map(expected));
      }),
      RUNS,
    );
  });

  it.each(COMPRESSION_TYPES)(
    "is read into memory of its own where it is compressed: %s",
    (compression) => {
      const batches = ["a", "b"].map((letter) => {
        const under = builder({ compression });
        for (let i = 0; i < 50; i++) under.append(null, letter.repeat(90), undefined, i);
        return under.build();
      });
      const values = batches.flatMap((batch) => {
        const columns = new RecordBatchReader(batch, { codecs, partition: "t-0" }).nextColumns();
        expect(columns?.isOwn).toBe(compression !== "none");
        const found = columns?.value(7) as Buffer;
        // A fetch's memory takes the next fetch.
        batch.fill(0);
        return columns?.isOwn ? [found] : [];
      });
      const own = compression === "none" ? [] : ["a".repeat(90), "b".repeat(90)];
      expect(values.map(String)).toEqual(own);
    },
  );

  it("never exceeds its limit, and says before it does", () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1_000, max: 4_000 }),
        fc.constantFrom(...COMPRESSION_TYPES),
        (rows, maxBatchBytes, compression) => {
          const under = builder({ compression, maxBatchBytes });
          const small = rows.filter(({ headers }) => headers === undefined);
          const batches: Buffer[] = [];
          for (const { key, value, timestamp } of small) {
            if (under.append(key, value, undefined, timestamp)) continue;
            batches.push(under.build());
            expect(under.append(key, value, undefined, timestamp)).toBe(true);
          }
          if (under.recordCount > 0) batches.push(under.build());
          for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(maxBatchBytes);
          const values = batches.flatMap((batch) => read(batch).map(({ value }) => value));
          expect(values).toEqual(small.map(({ value }) => bytesOf(value)));
        },
      ),
      RUNS,
    );
  });

  it("refuses a record that no batch can hold, and stays usable", () => {
    const under = builder({ maxBatchBytes: 200 });
    expect(() => under.append(null, "x".repeat(200), undefined, 1)).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED", scope: "record" }),
    );
    expect(under.append(null, "x", undefined, 1)).toBe(true);
    expect(under.append(null, "x".repeat(200), undefined, 1)).toBe(false);
    expect(read(under.build())).toHaveLength(1);
  });

  it("fills a batch to its very last byte", () => {
    const room = 1_000 - 61 - (2 + 1 + 1 + 1 + 1 + 2 + 1);
    const under = builder({ maxBatchBytes: 1_000 });
    expect(under.append(null, "x".repeat(room), undefined, 1)).toBe(true);
    expect(under.build()).toHaveLength(1_000);
    expect(() => under.append(null, "x".repeat(room + 1), undefined, 1)).toThrow(/1000 bytes/);
  });

  it("writes the producer's id, epoch, sequence and the transaction", () => {
    const under = builder({ producerId: 2 ** 40 + 7, producerEpoch: 3, isTransactional: true });
    under.append("k", "v", undefined, 5);
    const batch = under.build(41);
    expect(batch.readBigInt64BE(43)).toBe(2n ** 40n + 7n);
    expect(batch.readInt16BE(51)).toBe(3);
    expect(batch.readInt32BE(53)).toBe(41);
    expect(batch.readInt16BE(21)).toBe(16);
    under.append("k", "v", undefined, 5);
    expect(under.build().readInt32BE(53)).toBe(-1);
  });

  it("gives bytes of its own: the next batch does not change them", () => {
    const under = builder();
    under.append("k", "first", undefined, 5);
    const first = under.build();
    under.append("k", "other", undefined, 5);
    under.build();
    expect(read(first)[0]?.value?.toString()).toBe("first");
  });

  it("begins a batch of its own for a timestamp too far from the first", () => {
    const under = builder();
    expect(under.append(null, "a", undefined, Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(under.append(null, "b", undefined, Number.MIN_SAFE_INTEGER)).toBe(false);
    expect(read(under.build())[0]?.timestamp).toBe(Number.MAX_SAFE_INTEGER);
    expect(under.append(null, "b", undefined, Number.MIN_SAFE_INTEGER)).toBe(true);
    expect(under.append(null, "c", undefined, -1)).toBe(true);
    const timestamps = read(under.build()).map(({ timestamp }) => timestamp);
    expect(timestamps).toEqual([Number.MIN_SAFE_INTEGER, -1]);
  });

  it("counts sequence numbers as Kafka does", () => {
    expect(nextSequence(5, 3)).toBe(8);
    expect(nextSequence(0x7fffffff, 1)).toBe(0);
    expect(nextSequence(0x7ffffffe, 3)).toBe(1);
  });

  it("refuses an empty batch and a timestamp that is no whole number", () => {
    expect(() => builder().build()).toThrow(/without records/);
    expect(() => builder().append(null, null, undefined, Number.NaN)).toThrow(/NaN/);
    expect(() => builder().append(null, null, undefined, 1.5)).toThrow(/1.5/);
  });

  it("writes the very bytes that kafkajs writes, and kafkajs reads them", async () => {
    const load = createRequire(import.meta.url);
    const kafkaRecord = load("kafkajs/src/protocol/recordBatch/record/v0");
    const { RecordBatch } = load("kafkajs/src/protocol/recordBatch/v0");
    const decode = load("kafkajs/src/protocol/recordBatch/v0/decoder");
    const Decoder = load("kafkajs/src/protocol/decoder");
    const rows = fc.sample(row, { numRuns: 200, seed: 7 }).map((one, i) => ({
      key: bytesOf(one.key),
      value: bytesOf(one.value),
      headers: i % 3 === 0 ? [{ key: `h${i}`, value: `v${i}` }] : undefined,
      timestamp: 1_760_000_000_000 + ((i * 7_919) % 100_000),
    }));
    const under = builder();
    for (const { key, value, headers, timestamp } of rows) {
      under.append(key, value, headers, timestamp);
    }
    const ours = under.build(0);
    const first = rows[0]?.timestamp ?? 0;
    const theirs = await RecordBatch({
      firstTimestamp: first,
      maxTimestamp: Math.max(...rows.map(({ timestamp }) => timestamp)),
      partitionLeaderEpoch: -1,
      lastOffsetDelta: rows.length - 1,
      producerEpoch: -1,
      records: rows.map(({ key, value, headers, timestamp }, i) =>
        kafkaRecord({
          offsetDelta: i,
          timestampDelta: timestamp - first,
          key,
          value,
          headers: headers === undefined ? {} : { [`h${i}`]: `v${i}` },
        }),
      ),
    });
    expect(ours.equals(theirs.buffer)).toBe(true);
    const { records } = await decode(new Decoder(ours));
    const mine = read(ours);
    expect(records).toHaveLength(mine.length);
    for (const [i, record] of mine.entries()) {
      expect(records[i].offset).toBe(String(record.offset));
      expect(records[i].timestamp).toBe(String(record.timestamp));
      expect(records[i].key).toEqual(record.key);
      expect(records[i].value).toEqual(record.value);
    }
  });
});
