import { HeadwaterError } from "../../../errors/index.js";
import {
  BatchLayout,
  COMPRESSION_MASK,
  CONTROL_FLAG,
  int64At,
  LOG_APPEND_TIME_FLAG,
  NO_PRODUCER_ID,
  TRANSACTIONAL_FLAG,
} from "./batch-layout.js";
import { COMPRESSION_TYPES, type CompressionType } from "./compression-type.js";
import type { RecordCodecs } from "./record-codecs.js";
import { RecordColumns } from "./record-columns.js";
import { decodeRecords } from "./record-decoder.js";
import { batchTooLarge, corruptBatch, inexactNumber } from "./record-errors.js";

/** Which timestamp the records of a batch have: the producer's, or the broker's when it appended the batch. */
export type TimestampType = "CreateTime" | "LogAppendTime";

/** One batch of a partition's log: its header, and its records on demand (Kafka's DefaultRecordBatch). */
export class RecordBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  readonly compression: CompressionType;
  readonly timestampType: TimestampType;
  /** Rounded where it is beyond ±2^53. */
  readonly maxTimestamp: number;
  /** -1: none. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  /** How many records are left in it; compaction removes some, or all. */
  readonly count: number;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  readonly #place: string;
  readonly #ahead: Buffer | undefined;

  /**
   * The whole batch bytes[start..end); `partition` is for messages; `ahead`: its records where they were
   * decompressed before. Throws BAD_RECORD, LIMIT_EXCEEDED.
   */
  constructor(bytes: Buffer, start: number, end: number, partition: string, ahead?: Buffer) {
    this.#ahead = ahead;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    const base = int64At(bytes, start + BatchLayout.baseOffset);
    this.#place = `${partition}, record batch at offset ${base}`;
    const attributes = bytes.readInt16BE(start + BatchLayout.attributes);
    const lastDelta = bytes.readInt32BE(start + BatchLayout.lastOffsetDelta);
    this.baseOffset = this.#exact(BatchLayout.baseOffset, "offset");
    this.producerId = this.#exact(BatchLayout.producerId, "producer id");
    this.lastOffset = base + lastDelta;
    this.leaderEpoch = bytes.readInt32BE(start + BatchLayout.leaderEpoch);
    this.timestampType = attributes & LOG_APPEND_TIME_FLAG ? "LogAppendTime" : "CreateTime";
    this.maxTimestamp = int64At(bytes, start + BatchLayout.maxTimestamp);
    this.producerEpoch = bytes.readInt16BE(start + BatchLayout.producerEpoch);
    this.baseSequence = bytes.readInt32BE(start + BatchLayout.baseSequence);
    this.isTransactional = (attributes & TRANSACTIONAL_FLAG) !== 0;
    this.isControl = (attributes & CONTROL_FLAG) !== 0;
    this.count = bytes.readInt32BE(start + BatchLayout.count);
    const compression = COMPRESSION_TYPES[attributes & COMPRESSION_MASK];
    if (compression === undefined) {
      throw corruptBatch(this.#place, `compression ${attributes & COMPRESSION_MASK} is unknown`);
    }
    this.compression = compression;
    if (base < 0 || lastDelta < 0) throw corruptBatch(this.#place, "an offset is negative");
    if (!Number.isSafeInteger(this.lastOffset + 1)) {
      throw inexactNumber(this.#place, "offset", BigInt(base) + BigInt(lastDelta));
    }
    if (this.count < 0)
      throw corruptBatch(this.#place, `it says that it has ${this.count} records`);
  }

  /** Where the log goes on, whatever records are left in this batch. */
  get nextOffset(): number {
    return this.lastOffset + 1;
  }

  get hasProducerId(): boolean {
    return this.producerId > NO_PRODUCER_ID;
  }

  get sizeInBytes(): number {
    return this.#end - this.#start;
  }

  /** The checksum that the batch says it has. */
  get crc(): number {
    return this.#bytes.readUInt32BE(this.#start + BatchLayout.crc);
  }

  /** Throws BAD_RECORD when the bytes are not those that were written; the base offset is not covered. */
  verify(codecs: RecordCodecs): void {
    const crc = codecs.crc32c(this.#bytes, this.#start + BatchLayout.attributes, this.#end);
    if (crc === this.crc) return;
    const reason = `its CRC-32C is ${crc.toString(16)}, it says ${this.crc.toString(16)}`;
    throw corruptBatch(this.#place, reason);
  }

  /**
   * The records from offset `from` up to, not including, `until`, in one pass.
   * `reuse`: columns of an earlier batch that nobody looks at any more. Throws BAD_RECORD, LIMIT_EXCEEDED.
   */
  columns(
    codecs: RecordCodecs,
    maxUncompressedBytes: number,
    from = 0,
    until = Number.POSITIVE_INFINITY,
    reuse: RecordColumns = new RecordColumns(),
  ): RecordColumns {
    const start = this.#start + BatchLayout.records;
    const isCompressed = this.compression !== "none" && this.count > 0;
    const bytes = isCompressed ? this.#uncompressed(codecs, maxUncompressedBytes) : this.#bytes;
    decodeRecords(reuse, {
      bytes,
      isOwn: isCompressed,
      start: isCompressed ? 0 : start,
      end: isCompressed ? bytes.length : this.#end,
      count: this.count,
      baseOffset: this.baseOffset,
      lastOffsetDelta: this.lastOffset - this.baseOffset,
      baseTimestamp: this.#bytes.readBigInt64BE(this.#start + BatchLayout.baseTimestamp),
      appendTime:
        this.timestampType === "LogAppendTime"
          ? this.#exact(BatchLayout.maxTimestamp, "timestamp")
          : undefined,
      from,
      until,
      place: this.#place,
    });
    return reuse;
  }

  #uncompressed(codecs: RecordCodecs, limit: number): Buffer {
    if (this.#ahead !== undefined && this.#ahead.length <= limit) return this.#ahead;
    const codec = codecs.codec(this.compression as Exclude<CompressionType, "none">);
    const part = this.#bytes.subarray(this.#start + BatchLayout.records, this.#end);
    let bytes: Buffer | undefined;
    try {
      bytes = codec.decompress(part, limit);
    } catch (error) {
      if (error instanceof HeadwaterError) throw error;
      throw corruptBatch(this.#place, `its ${this.compression} bytes are damaged`, error);
    }
    if (bytes === undefined) throw batchTooLarge(this.#place, limit);
    return bytes;
  }

  #exact(field: number, what: string): number {
    const value = int64At(this.#bytes, this.#start + field);
    if (Number.isSafeInteger(value)) return value;
    throw inexactNumber(this.#place, what, this.#bytes.readBigInt64BE(this.#start + field));
  }
}
