import { illegalArgument, illegalState } from "../../../errors/index.js";
import {
  BatchLayout,
  LENGTH_OVERHEAD,
  MAGIC,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  TRANSACTIONAL_FLAG,
  writeInt64,
} from "./batch-layout.js";
import { COMPRESSION_TYPES, type CompressionType } from "./compression-type.js";
import type { RecordCodecs } from "./record-codecs.js";
import { recordTooLarge } from "./record-errors.js";
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from "./varint.js";

/** A header to be written; text is written as UTF-8. */
export interface AppendHeader {
  readonly key: string;
  readonly value: Uint8Array | string | null;
}

/** What the batches of a builder are like. */
export interface RecordBatchBuilderOptions {
  /** With the codec of `compression` prepared. */
  readonly codecs: RecordCodecs;
  /** Default `none`. */
  readonly compression?: CompressionType;
  /** No batch takes more bytes than this. Default 1,000,000, below the broker's default for max.message.bytes. */
  readonly maxBatchBytes?: number;
  /** Of an idempotent or transactional producer; all three or none. */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly isTransactional?: boolean;
}

const MAX_BATCH_BYTES = 1_000_000;
const FIRST_BYTES = 16_384;
const MAX_SEQUENCE = 0x7fffffff;
/** Up to this length a loop over the characters is faster than a native call. */
const SHORT_TEXT = 24;

/**
 * Writes record batches (message format 2), one after the other.
 *
 * Owns: one buffer that grows to maxBatchBytes and is used for every batch.
 * Called by: a sink's writer, one builder a partition.
 * Invariants: a built batch takes at most maxBatchBytes; nothing is allocated for a record.
 */
export class RecordBatchBuilder {
  readonly #options: RecordBatchBuilderOptions;
  readonly #limit: number;
  #bytes: Buffer;
  #at: number = BatchLayout.records;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;

  constructor(options: RecordBatchBuilderOptions) {
    this.#options = options;
    this.#limit = options.maxBatchBytes ?? MAX_BATCH_BYTES;
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(FIRST_BYTES, Math.max(this.#limit, 61)));
  }

  get recordCount(): number {
    return this.#count;
  }

  /** Bytes of the batch so far, uncompressed, its header included. */
  get sizeInBytes(): number {
    return this.#at;
  }

  /**
   * Adds a record; false: the batch is full, nothing was added; it goes into the next one.
   * `timestamp`: milliseconds since 1970, -1: none.
   * Throws LIMIT_EXCEEDED for a record that does not fit into a batch of its own.
   */
  append(
    key: Uint8Array | string | null,
    value: Uint8Array | string | null,
    headers: readonly AppendHeader[] | undefined,
    timestamp: number,
  ): boolean {
    if (!Number.isSafeInteger(timestamp)) {
      throw illegalArgument(`a record's timestamp is ${timestamp}, not whole milliseconds`);
    }
    const delta = this.#count === 0 ? 0 : timestamp - this.#baseTimestamp;
    // Records lie as a difference to the first; one that is not exact needs another first.
    if (!Number.isSafeInteger(delta)) return false;
    const keyLength = byteLength(key);
    const valueLength = byteLength(value);
    const body =
      1 +
      sizeOfVarlong(delta) +
      sizeOfVarint(this.#count) +
      sizeOfVarint(keyLength) +
      Math.max(keyLength, 0) +
      sizeOfVarint(valueLength) +
      Math.max(valueLength, 0) +
      (headers === undefined ? 1 : sizeOfHeaders(headers));
    const size = sizeOfVarint(body) + body;
    if (size > this.#limit - this.#at) {
      if (this.#count === 0) throw recordTooLarge(size, this.#limit);
      return false;
    }
    this.#reserve(size);
    const bytes = this.#bytes;
    let at = writeVarint(bytes, body, this.#at);
    bytes[at++] = 0;
    at = writeVarlong(bytes, delta, at);
    at = writeVarint(bytes, this.#count, at);
    at = writeField(bytes, key, keyLength, at);
    at = writeField(bytes, value, valueLength, at);
    if (headers === undefined) bytes[at++] = 0;
    else at = writeHeaders(bytes, headers, at);
    this.#at = at;
    if (this.#count++ === 0) {
      this.#baseTimestamp = timestamp;
      this.#maxTimestamp = timestamp;
    } else if (timestamp > this.#maxTimestamp) {
      this.#maxTimestamp = timestamp;
    }
    return true;
  }

  /**
   * The batch of what was appended, in bytes of its own; the builder is then empty.
   * `baseSequence`: of its first record, for a producer with an id. Records that compression does not make
   * smaller go uncompressed, so that the limit holds.
   */
  build(baseSequence: number = NO_SEQUENCE): Buffer {
    if (this.#count === 0) throw illegalState("a record batch is built without records");
    const { codecs, compression = "none" } = this.#options;
    const records = this.#bytes.subarray(BatchLayout.records, this.#at);
    let content: Uint8Array = records;
    let code = 0;
    if (compression !== "none") {
      const compressed = codecs.codec(compression).compress(records);
      if (compressed.length < records.length) {
        content = compressed;
        code = COMPRESSION_TYPES.indexOf(compression);
      }
    }
    const batch = Buffer.allocUnsafeSlow(BatchLayout.records + content.length);
    batch.set(content, BatchLayout.records);
    this.#writeHeader(batch, code, baseSequence);
    this.clear();
    return batch;
  }

  /** Forgets what was appended. */
  clear(): void {
    this.#at = BatchLayout.records;
    this.#count = 0;
  }

  #writeHeader(batch: Buffer, code: number, baseSequence: number): void {
    const {
      codecs,
      producerId = NO_PRODUCER_ID,
      producerEpoch = NO_PRODUCER_EPOCH,
    } = this.#options;
    const attributes = code | (this.#options.isTransactional === true ? TRANSACTIONAL_FLAG : 0);
    // The broker sets the base offset and the leader epoch; the checksum does not cover them.
    writeInt64(batch, 0, BatchLayout.baseOffset);
    batch.writeInt32BE(batch.length - LENGTH_OVERHEAD, BatchLayout.length);
    batch.writeInt32BE(-1, BatchLayout.leaderEpoch);
    batch.writeInt8(MAGIC, BatchLayout.magic);
    batch.writeInt16BE(attributes, BatchLayout.attributes);
    batch.writeInt32BE(this.#count - 1, BatchLayout.lastOffsetDelta);
    writeInt64(batch, this.#baseTimestamp, BatchLayout.baseTimestamp);
    writeInt64(batch, this.#maxTimestamp, BatchLayout.maxTimestamp);
    writeInt64(batch, producerId, BatchLayout.producerId);
    batch.writeInt16BE(producerEpoch, BatchLayout.producerEpoch);
    batch.writeInt32BE(baseSequence, BatchLayout.baseSequence);
    batch.writeInt32BE(this.#count, BatchLayout.count);
    const crc = codecs.crc32c(batch, BatchLayout.attributes, batch.length);
    batch.writeUInt32BE(crc, BatchLayout.crc);
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const wanted = Math.max(this.#at + size, 2 * this.#bytes.length);
    const grown = Buffer.allocUnsafeSlow(Math.min(wanted, this.#limit));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

/** The sequence number after so many records: it goes on at 0 behind 2^31 - 1. */
export function nextSequence(sequence: number, count: number): number {
  return sequence > MAX_SEQUENCE - count ? sequence - MAX_SEQUENCE - 1 + count : sequence + count;
}

function byteLength(field: Uint8Array | string | null): number {
  if (field === null) return -1;
  return typeof field === "string" ? Buffer.byteLength(field) : field.length;
}

function writeField(
  bytes: Buffer,
  field: Uint8Array | string | null,
  length: number,
  at: number,
): number {
  const start = writeVarint(bytes, length, at);
  return field === null ? start : writeBytes(bytes, field, length, start);
}

function writeBytes(bytes: Buffer, field: Uint8Array | string, length: number, at: number): number {
  if (typeof field !== "string") {
    bytes.set(field, at);
  } else if (field.length === length) {
    // As many bytes as characters: all of them are ASCII.
    if (length > SHORT_TEXT) bytes.write(field, at, length, "latin1");
    else for (let i = 0; i < length; i++) bytes[at + i] = field.charCodeAt(i);
  } else {
    bytes.write(field, at, length, "utf8");
  }
  return at + length;
}

function sizeOfHeaders(headers: readonly AppendHeader[]): number {
  let size = sizeOfVarint(headers.length);
  for (let i = 0; i < headers.length; i++) {
    const { key, value } = headers[i] as AppendHeader;
    const keyLength = Buffer.byteLength(key);
    const valueLength = byteLength(value);
    size += sizeOfVarint(keyLength) + keyLength;
    size += sizeOfVarint(valueLength) + Math.max(valueLength, 0);
  }
  return size;
}

function writeHeaders(bytes: Buffer, headers: readonly AppendHeader[], start: number): number {
  let at = writeVarint(bytes, headers.length, start);
  for (let i = 0; i < headers.length; i++) {
    const { key, value } = headers[i] as AppendHeader;
    at = writeField(bytes, key, Buffer.byteLength(key), at);
    at = writeField(bytes, value, byteLength(value), at);
  }
  return at;
}
