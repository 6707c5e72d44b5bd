import {
  BatchLayout,
  CONTROL_FLAG,
  LENGTH_OVERHEAD,
  writeInt64,
} from "../../../src/connectors/kafka/records/batch-layout.js";
import {
  type AppendHeader,
  RecordBatchBuilder,
  RecordBatchReader,
  RecordCodecs,
  type RecordColumns,
} from "../../../src/connectors/kafka/records/index.js";
import { RecordBatch } from "../../../src/connectors/kafka/records/record-batch.js";
import { writeVarint } from "../../../src/connectors/kafka/records/varint.js";

/** A record to append; what is absent is null, or none. */
export interface SimulatedRecord {
  readonly key?: Uint8Array | string | null;
  readonly value?: Uint8Array | string | null;
  readonly headers?: readonly AppendHeader[];
  /** Default 0. */
  readonly timestamp?: number;
}

export const codecs = new RecordCodecs();

/** A batch as it lies in the log. */
export interface LogBatch {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  readonly lastOffset: number;
}

/** The batch at its place in the log: the broker writes the base offset and the leader epoch. */
export function placed(bytes: Buffer, baseOffset: number, leaderEpoch: number): LogBatch {
  const copy = Buffer.from(bytes);
  writeInt64(copy, baseOffset, BatchLayout.baseOffset);
  copy.writeInt32BE(leaderEpoch, BatchLayout.leaderEpoch);
  return { bytes: copy, baseOffset, lastOffset: headerOf(copy).lastOffset };
}

export function headerOf(bytes: Buffer): RecordBatch {
  return new RecordBatch(bytes, 0, bytes.length, "simulated");
}

/** A batch of records, as a producer sends it. */
export function encoded(
  records: readonly SimulatedRecord[],
  producer?: {
    readonly producerId: number;
    readonly producerEpoch: number;
    readonly baseSequence: number;
    readonly isTransactional: boolean;
  },
  compression: "none" | "gzip" | "snappy" | "lz4" = "none",
): Buffer {
  const builder = new RecordBatchBuilder({
    codecs,
    compression,
    maxBatchBytes: 64_000_000,
    ...(producer === undefined
      ? {}
      : {
          producerId: producer.producerId,
          producerEpoch: producer.producerEpoch,
          isTransactional: producer.isTransactional,
        }),
  });
  for (const { key = null, value = null, headers, timestamp = 0 } of records) {
    builder.append(key, value, headers, timestamp);
  }
  return builder.build(producer?.baseSequence);
}

/** The marker that ends a producer's transaction. */
export function marker(producerId: number, producerEpoch: number, commit: boolean): Buffer {
  const key = Buffer.from([0, 0, 0, commit ? 1 : 0]);
  const bytes = encoded([{ key, value: Buffer.alloc(6) }], {
    producerId,
    producerEpoch,
    baseSequence: -1,
    isTransactional: true,
  });
  bytes.writeInt16BE(
    bytes.readInt16BE(BatchLayout.attributes) | CONTROL_FLAG,
    BatchLayout.attributes,
  );
  return signed(bytes);
}

/** What compaction leaves of a batch: its offsets stay, its records may be gone, all of them too. */
export function compacted(batch: LogBatch, keep: (offset: number) => boolean): LogBatch {
  const header = headerOf(batch.bytes);
  if (header.isControl || header.compression !== "none") return batch;
  const columns = header.columns(codecs, 1e9);
  const base = Number(batch.bytes.readBigInt64BE(BatchLayout.baseTimestamp));
  const parts: Buffer[] = [];
  for (let i = 0; i < columns.count; i++) {
    if (keep(columns.offset(i))) parts.push(recordBytes(columns, i, base));
  }
  const start = batch.bytes.subarray(0, BatchLayout.records);
  const bytes = Buffer.concat([start, ...parts]);
  bytes.writeInt32BE(bytes.length - LENGTH_OVERHEAD, BatchLayout.length);
  bytes.writeInt32BE(parts.length, BatchLayout.count);
  return { ...batch, bytes: signed(bytes) };
}

/** All records that a reader sees in these bytes. */
export function recordsIn(
  bytes: Buffer,
  aborted: readonly { readonly producerId: number; readonly firstOffset: number }[],
) {
  return [
    ...new RecordBatchReader(bytes, {
      codecs,
      partition: "simulated",
      abortedTransactions: aborted,
    }),
  ];
}

/** One record with its offset delta kept; its headers are left out. */
function recordBytes(columns: RecordColumns, i: number, baseTimestamp: number): Buffer {
  const key = columns.key(i);
  const value = columns.value(i);
  const body = Buffer.alloc(64 + (key?.length ?? 0) + (value?.length ?? 0));
  let at = 1;
  at = writeVarint(body, columns.timestamp(i) - baseTimestamp, at);
  at = writeVarint(body, columns.offset(i) - columns.baseOffset, at);
  for (const field of [key, value]) {
    at = writeVarint(body, field?.length ?? -1, at);
    if (field !== null) at += field.copy(body, at);
  }
  body[at++] = 0;
  const length = Buffer.alloc(5);
  const prefix = length.subarray(0, writeVarint(length, at, 0));
  return Buffer.concat([prefix, body.subarray(0, at)]);
}

function signed(bytes: Buffer): Buffer {
  const crc = codecs.crc32c(bytes, BatchLayout.attributes, bytes.length);
  bytes.writeUInt32BE(crc, BatchLayout.crc);
  return bytes;
}
