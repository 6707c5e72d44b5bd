import type { HeadwaterError } from "../../../errors/index.js";
import {
  HEADERS_START,
  KEY_LENGTH,
  KEY_START,
  OFFSET_DELTA,
  type RecordColumns,
  ROW,
  VALUE_LENGTH,
  VALUE_START,
} from "./record-columns.js";
import { corruptBatch, inexactNumber } from "./record-errors.js";

/** The uncompressed records of a batch, and what of its header they need. */
export interface EncodedRecords {
  readonly bytes: Buffer;
  /** See RecordColumns. */
  readonly isOwn: boolean;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly baseOffset: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: bigint;
  /** Of every record, when the broker sets the time. */
  readonly appendTime: number | undefined;
  /** Offsets below are left out, as those are that are not below `until`. */
  readonly from: number;
  readonly until: number;
  readonly place: string;
}

/** The smallest record: its length, and six fields of a byte each. */
const MIN_RECORD = 7;
const MAX_VARINT = 5;
const MAX_VARLONG = 10;
/** A base this far below 2^53 stays exact with a delta of two bytes. */
const NEAR = 2n ** 52n;

/** Where the last call of a function below has ended: a second result without an object. */
let readEnd = 0;

/**
 * Reads the records into columns, in one pass.
 * A read behind the buffer gives undefined, which ends a number; a record that does not end where its length
 * says is refused, so every read is checked with a comparison a record.
 */
export function decodeRecords(columns: RecordColumns, from: EncodedRecords): void {
  const { bytes, end, count, baseOffset, lastOffsetDelta, appendTime } = from;
  if (count > (end - from.start) / MIN_RECORD) {
    const reason = `it says that it has ${count} records, which do not fit into its ${end - from.start} bytes`;
    throw corruptBatch(from.place, reason);
  }
  columns.reserve(count);
  columns.bytes = bytes;
  columns.isOwn = from.isOwn;
  columns.baseOffset = baseOffset;
  columns.count = 0;
  const { rows, timestamps } = columns;
  const firstDelta = from.from - baseOffset;
  const endDelta = from.until - baseOffset;
  const isNear = from.baseTimestamp < NEAR && from.baseTimestamp > -NEAR;
  const baseTimestamp = Number(from.baseTimestamp);
  let row = 0;
  let kept = 0;
  let lastDelta = -1;
  let at = from.start;
  for (let i = 0; i < count; i++) {
    let raw = bytes[at++] as number;
    if (raw > 0x7f) {
      raw = longVarint(bytes, at, raw);
      at = readEnd;
    }
    const recordEnd = at + ((raw >>> 1) ^ -(raw & 1));
    if (recordEnd > end) throw damaged(from, i, "ends behind its batch");
    // The attributes of a record have no meaning yet.
    at++;

    const timestampStart = at;
    raw = bytes[at++] as number;
    if (raw > 0x7f) {
      const next = bytes[at++] as number;
      raw = (raw & 0x7f) | (next << 7);
      if (next > 0x7f) raw = -1;
    }
    let timestamp = baseTimestamp + ((raw >>> 1) ^ -(raw & 1));
    if (raw < 0 || !isNear) {
      timestamp = farTimestamp(from, timestampStart);
      at = readEnd;
    }

    raw = bytes[at++] as number;
    if (raw > 0x7f) {
      raw = longVarint(bytes, at, raw);
      at = readEnd;
    }
    const offsetDelta = (raw >>> 1) ^ -(raw & 1);

    raw = bytes[at++] as number;
    if (raw > 0x7f) {
      raw = longVarint(bytes, at, raw);
      at = readEnd;
    }
    const keyLength = (raw >>> 1) ^ -(raw & 1);
    const keyStart = at;
    if (keyLength > 0) at += keyLength;

    raw = bytes[at++] as number;
    if (raw > 0x7f) {
      raw = longVarint(bytes, at, raw);
      at = readEnd;
    }
    const valueLength = (raw >>> 1) ^ -(raw & 1);
    const valueStart = at;
    if (valueLength > 0) at += valueLength;

    const headersStart = at;
    const hasHeaders = bytes[at++] !== 0;
    if (hasHeaders) at = headersEnd(from, i, headersStart, recordEnd);

    if (at !== recordEnd) throw damaged(from, i, "does not end where its length says");
    if (keyLength < -1 || valueLength < -1) throw damaged(from, i, "has a negative length");
    if (offsetDelta <= lastDelta || offsetDelta > lastOffsetDelta) {
      throw damaged(
        from,
        i,
        `has offset ${baseOffset + offsetDelta}, not one between its neighbours`,
      );
    }
    lastDelta = offsetDelta;
    if (offsetDelta < firstDelta || offsetDelta >= endDelta) continue;
    rows[row + OFFSET_DELTA] = offsetDelta;
    rows[row + KEY_START] = keyStart;
    rows[row + KEY_LENGTH] = keyLength;
    rows[row + VALUE_START] = valueStart;
    rows[row + VALUE_LENGTH] = valueLength;
    rows[row + HEADERS_START] = hasHeaders ? headersStart : 0;
    timestamps[kept] = appendTime ?? timestamp;
    row += ROW;
    kept++;
  }
  if (at !== end) throw corruptBatch(from.place, `${end - at} bytes follow its last record`);
  columns.count = kept;
}

/** The rest of a number that begins with `first`; more than five bytes give a number that fits nowhere. */
function longVarint(bytes: Buffer, at: number, first: number): number {
  let raw = first & 0x7f;
  for (let i = 1; i < MAX_VARINT; i++) {
    const byte = bytes[at + i - 1] as number;
    raw |= (byte & 0x7f) << (7 * i);
    if (!(byte > 0x7f)) {
      readEnd = at + i;
      return raw;
    }
  }
  // Behind the end of every buffer, so that the record is refused.
  readEnd = Number.MAX_SAFE_INTEGER;
  return 0;
}

/** A timestamp whose delta takes three bytes or more, or whose base is far away. */
function farTimestamp(from: EncodedRecords, start: number): number {
  const { bytes } = from;
  let low = 0;
  let high = 0;
  for (let i = 0; i < MAX_VARLONG; i++) {
    const byte = bytes[start + i] as number;
    if (i < 4) low |= (byte & 0x7f) << (7 * i);
    else high += (byte & 0x7f) * 2 ** (7 * (i - 4));
    if (byte > 0x7f) continue;
    readEnd = start + i + 1;
    if (from.appendTime !== undefined) return 0;
    const half = high * 2 ** 27 + (low >>> 1);
    const timestamp = Number(from.baseTimestamp) + ((low & 1) === 0 ? half : -half - 1);
    // Every part is exact below 2^52, and so is the sum below 2^53.
    if (half < 2 ** 52 && Math.abs(Number(from.baseTimestamp)) < 2 ** 52) return timestamp;
    return exactTimestamp(from, low, high);
  }
  readEnd = Number.MAX_SAFE_INTEGER;
  return 0;
}

function exactTimestamp(from: EncodedRecords, low: number, high: number): number {
  const raw = (BigInt(high) << 28n) | BigInt(low);
  const timestamp = BigInt.asIntN(64, from.baseTimestamp + ((raw >> 1n) ^ -(raw & 1n)));
  const rounded = Number(timestamp);
  if (!Number.isSafeInteger(rounded)) throw inexactNumber(from.place, "timestamp", timestamp);
  return rounded;
}

/** Checks the headers of a record, so that they can be decoded later without a look at the end. */
function headersEnd(from: EncodedRecords, i: number, start: number, end: number): number {
  const { bytes } = from;
  let at = start;
  const varint = (): number => {
    const first = bytes[at++] as number;
    let raw = first;
    if (first > 0x7f) {
      raw = longVarint(bytes, at, first);
      at = readEnd;
    }
    if (!(at <= end)) throw damaged(from, i, "has headers that end behind it");
    return (raw >>> 1) ^ -(raw & 1);
  };
  const count = varint();
  // Each has at least two bytes.
  if (count < 0 || count > (end - at) / 2) throw damaged(from, i, `has ${count} headers`);
  for (let k = 0; k < count; k++) {
    const keyLength = varint();
    if (keyLength < 0 || keyLength > end - at) throw damaged(from, i, "has a header without a key");
    at += keyLength;
    const valueLength = varint();
    if (valueLength < -1 || valueLength > end - at) {
      throw damaged(from, i, "has a header whose value ends behind it");
    }
    if (valueLength > 0) at += valueLength;
  }
  return at;
}

function damaged(from: EncodedRecords, i: number, reason: string): HeadwaterError {
  return corruptBatch(from.place, `record ${i + 1} of ${from.count} ${reason}`);
}
