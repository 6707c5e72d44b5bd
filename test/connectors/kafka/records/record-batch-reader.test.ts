import { beforeAll, describe, expect, it } from "vitest";
import {
  RecordBatchReader,
  type RecordBatchReaderOptions,
  RecordCodecs,
} from "../../../../src/connectors/kafka/records/index.js";
import { bytesOf, type GoldenResponse, golden, RESPONSES } from "./golden-batches.js";

let codecs: RecordCodecs;
beforeAll(async () => {
  codecs = await RecordCodecs.load();
  await codecs.prepare("zstd");
});

function readerOf(
  { hex, from, readCommitted, aborted }: GoldenResponse,
  options: Partial<RecordBatchReaderOptions> = {},
): RecordBatchReader {
  return new RecordBatchReader(Buffer.from(hex, "hex"), {
    codecs,
    partition: "t-0",
    from,
    ...(readCommitted ? { abortedTransactions: aborted } : {}),
    ...options,
  });
}

function read(bytes: Buffer, options: Partial<RecordBatchReaderOptions> = {}): RecordBatchReader {
  return new RecordBatchReader(bytes, { codecs, partition: "t-0", ...options });
}

describe("RecordBatchReader", () => {
  it("has golden responses of every kind", () => {
    expect(RESPONSES.length).toBeGreaterThan(60);
    const records = RESPONSES.flatMap((response) => response.records);
    expect(records.length).toBeGreaterThan(700);
  });

  it.each(RESPONSES)("gives the records that the Java consumer gives: $name", (response) => {
    const reader = readerOf(response);
    expect([...reader].map(golden)).toEqual(response.records);
    expect(reader.nextOffset).toBe(response.nextOffset);
  });

  it.each(RESPONSES)("gives the same to a callback, and with reused columns: $name", (response) => {
    const seen: unknown[] = [];
    readerOf(response).forEach((record) => {
      seen.push(golden(record));
    });
    expect(seen).toEqual(response.records);
  });

  it.each(RESPONSES)("cuts at every offset inside: $name", (response) => {
    const offsets = response.records.map(([offset]) => offset);
    const cuts = offsets.flatMap((offset) => [offset, offset + 1]);
    for (const until of cuts.slice(0, 60)) {
      const left = [...readerOf(response, { until })].map(({ offset }) => offset);
      expect(left).toEqual(offsets.filter((offset) => offset < until));
    }
  });

  it("gives columns with the same content as the objects", () => {
    for (const response of RESPONSES) {
      const reader = readerOf(response);
      const records = [...readerOf(response)];
      let at = 0;
      for (let next = reader.nextColumns(); next; next = reader.nextColumns()) {
        for (let i = 0; i < next.count; i++) {
          const record = records[at++];
          expect(next.offset(i)).toBe(record?.offset);
          expect(next.timestamp(i)).toBe(record?.timestamp);
          expect(next.keyText(i)).toBe(record?.key?.toString() ?? null);
          expect(next.valueText(i)).toBe(record?.value?.toString() ?? null);
          expect(next.keyLength(i)).toBe(record?.key?.length ?? -1);
          expect(next.valueLength(i)).toBe(record?.value?.length ?? -1);
          const start = next.valueStart(i);
          const value = next.bytes.subarray(start, start + Math.max(next.valueLength(i), 0));
          expect(value.equals(record?.value ?? Buffer.alloc(0))).toBe(true);
          expect(next.keyStart(i)).toBeLessThanOrEqual(start);
        }
      }
      expect(at).toBe(records.length);
    }
  });

  it("gives the same without the native packages", async () => {
    const plain = new RecordCodecs();
    await plain.prepare("zstd");
    for (const response of RESPONSES) {
      expect([...readerOf(response, { codecs: plain })].map(golden)).toEqual(response.records);
    }
  });

  it("moves past an empty batch that compaction left", () => {
    const reader = read(bytesOf("compacted: empty batches"));
    expect(reader.nextColumns()).toBeUndefined();
    expect(reader.nextOffset).toBe(5);
    expect(reader.bytesLeft).toBe(0);
  });

  it("leaves a batch that is not whole, and says how much of it there is", () => {
    const whole = bytesOf("three batches");
    const reader = read(bytesOf("ends in a partial batch"));
    expect([...reader]).toHaveLength(10);
    expect(reader.nextOffset).toBe(10);
    expect(reader.bytesLeft).toBeGreaterThan(61);
    expect(reader.bytesLeft).toBeLessThan(whole.length);
  });

  it("moves on with the offset only when the records of a batch have been handed out", () => {
    const reader = read(bytesOf("three batches"), { from: 2 });
    expect(reader.nextOffset).toBe(2);
    expect(reader.nextColumns()?.count).toBe(3);
    expect(reader.nextOffset).toBe(5);
    reader.nextColumns();
    expect(reader.nextOffset).toBe(10);
  });

  it("refuses the message formats before Kafka 0.11 and says what to do", () => {
    for (const magic of [0, 1]) {
      const reader = read(bytesOf(`legacy: magic ${magic}`));
      expect(() => reader.nextColumns()).toThrow(
        expect.objectContaining({
          code: "UNSUPPORTED_OPERATION",
          message: expect.stringContaining(`message format ${magic}`),
          hint: expect.stringContaining("format 2"),
        }),
      );
    }
  });

  it("refuses a timestamp that a number cannot hold, naming it", () => {
    const reader = read(bytesOf("refused: timestamp beyond 2^53"));
    expect(() => reader.nextColumns()).toThrow(
      expect.objectContaining({
        code: "LIMIT_EXCEEDED",
        message: "t-0, record batch at offset 0: timestamp 9223372036854775807 is beyond ±2^53",
      }),
    );
  });

  it("refuses an offset that a number cannot hold", () => {
    const bytes = bytesOf("none: few records");
    bytes.writeBigInt64BE(2n ** 53n - 2n, 0);
    expect(() => read(bytes).nextColumns()).toThrow(/offset .* is beyond ±2\^53/);
  });

  it("finds a flipped bit by the checksum and stays before the batch", () => {
    const bytes = bytesOf("three batches");
    const second = 12 + bytes.readInt32BE(8);
    bytes[second + 80] = (bytes[second + 80] as number) ^ 4;
    const reader = read(bytes);
    expect(reader.nextColumns()?.count).toBe(5);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(() => reader.nextColumns()).toThrow(
        expect.objectContaining({
          code: "BAD_RECORD",
          message: expect.stringMatching(
            /^t-0, record batch at offset 5: its CRC-32C is \w+, it says \w+$/,
          ),
        }),
      );
      expect(reader.nextOffset).toBe(5);
    }
  });

  it("needs the codec of a batch to be prepared, and says so", async () => {
    const fresh = new RecordCodecs();
    const bytes = bytesOf("zstd: few records");
    expect(() => [...read(bytes, { codecs: fresh })]).toThrow(/before RecordCodecs.prepare/);
    await fresh.prepareFor(bytes);
    expect([...read(bytes, { codecs: fresh })]).toHaveLength(4);
    expect(fresh.prepareFor(bytes)).toBeUndefined();
    expect(new RecordCodecs().prepareFor(bytesOf("lz4: few records"))).toBeUndefined();
  });

  it("reads views into a larger buffer", () => {
    const inner = bytesOf("none: few records");
    const outer = Buffer.concat([Buffer.alloc(13, 0xff), inner, Buffer.alloc(7, 0xff)]);
    const view = new Uint8Array(outer.buffer, outer.byteOffset + 13, inner.length);
    expect([
      ...read(Buffer.from(view.buffer, view.byteOffset, view.length), { from: 100 }),
    ]).toEqual([...read(inner, { from: 100 })]);
  });
});
