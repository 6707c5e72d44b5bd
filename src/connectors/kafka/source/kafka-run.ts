import type { SplitIterator } from "../../../api/source-reader.js";
import type { Timestamp } from "../../../api/watermark.js";
import { ROW, VALUE_LENGTH, VALUE_START } from "../records/record-columns.js";
import { type ColumnDeserializer, LEFT_OUT } from "./deserialization.js";
import type { KafkaFetch } from "./kafka-fetch.js";
import type { RecordPlace } from "./record-place.js";
import { ValueTexts } from "./value-texts.js";

/** A record's timestamp for event time; a record without one has none. */
export function timestampOf(timestamp: number): Timestamp {
  return timestamp < 0 ? Number.NEGATIVE_INFINITY : timestamp;
}

/**
 * The records of the current split of a fetch, decoded one after the other from its columns; it ends
 * before one that cannot be decoded.
 *
 * Owns: one record that was decoded to see whether there is one. Called by: the operator's loop.
 * Invariants: after `hasNext` has said true that record is taken before anything else is read;
 * `position` is behind every record taken, left out or decoded.
 */
export class KafkaRun<T> implements SplitIterator<T> {
  position = 0;
  readonly #deserializer: ColumnDeserializer<T>;
  readonly #place: RecordPlace;
  readonly #texts = new ValueTexts();
  #fetch: KafkaFetch | undefined;
  #peeked: T | typeof LEFT_OUT = LEFT_OUT;
  #timestamp = Number.NEGATIVE_INFINITY;

  constructor(deserializer: ColumnDeserializer<T>, place: RecordPlace) {
    this.#deserializer = deserializer;
    this.#place = place;
  }

  /** Goes on in this fetch; `position`: where its split stands. */
  begin(fetch: KafkaFetch, position: number): void {
    this.#fetch = fetch;
    this.#place.topic = fetch.part?.topic ?? "";
    this.#place.partition = fetch.part?.partition ?? 0;
    this.position = position;
  }

  hasNext(): boolean {
    const fetch = this.#fetch;
    if (this.#peeked !== LEFT_OUT) return true;
    const place = this.#place;
    while (fetch?.hasRecord() === true) {
      place.columns = fetch.columns;
      place.index = fetch.index;
      let value: T | typeof LEFT_OUT;
      try {
        value = this.#deserializer.decodeAt(place);
      } catch {
        // It is decoded again by itself, where bad records are reported.
        return false;
      }
      this.position = place.offset + 1;
      fetch.index++;
      if (value === LEFT_OUT) continue;
      this.#peeked = value;
      this.#timestamp = timestampOf(place.timestamp);
      return true;
    }
    return false;
  }

  next(): T {
    const value = this.#peeked as T;
    this.#peeked = LEFT_OUT;
    return value;
  }

  /** Of what `next` gave last. */
  timestamp(): Timestamp {
    return this.#timestamp;
  }

  fill(records: T[], at: number, atMost: number, timestamps: Timestamp[]): number {
    let to = at;
    if (this.#peeked !== LEFT_OUT) {
      timestamps[to] = this.#timestamp;
      records[to++] = this.next();
    }
    const end = at + atMost;
    const fetch = this.#fetch as KafkaFetch;
    while (to < end && fetch.hasRecord()) {
      to = this.#fillFromColumns(fetch, records, timestamps, to, end);
      // A record that cannot be decoded ends the run.
      if (to < end && fetch.index < fetch.columns.count) break;
    }
    return to - at;
  }

  #fillFromColumns(
    fetch: KafkaFetch,
    records: T[],
    timestamps: Timestamp[],
    from: number,
    end: number,
  ): number {
    const place = this.#place;
    const deserializer = this.#deserializer;
    const { valueField, valueText } = deserializer;
    const { columns } = fetch;
    const { bytes, isOwn, count, rows, timestamps: times } = columns;
    place.columns = columns;
    let index = fetch.index;
    let to = from;
    try {
      if (valueField === undefined) {
        for (; index < count && to < end; index++) {
          place.index = index;
          const value = deserializer.decodeAt(place);
          if (value === LEFT_OUT) continue;
          timestamps[to] = timestampOf(times[index] as number);
          records[to++] = value;
        }
      } else if (valueText !== undefined) {
        const texts = this.#texts;
        texts.forget();
        for (; index < count && to < end; index++) {
          const length = rows[index * ROW + VALUE_LENGTH] as number;
          if (length < 0) continue;
          const text = texts.at(columns, index, Math.min(count, index + end - to));
          const start = rows[index * ROW + VALUE_START] as number;
          const value =
            text === undefined ? valueField(bytes, start, start + length, isOwn) : valueText(text);
          timestamps[to] = timestampOf(times[index] as number);
          records[to++] = value;
        }
      } else {
        // As decodeAt does it, without its calls.
        for (; index < count && to < end; index++) {
          const start = rows[index * ROW + VALUE_START] as number;
          const length = rows[index * ROW + VALUE_LENGTH] as number;
          if (length < 0) continue;
          const value = valueField(bytes, start, start + length, isOwn);
          timestamps[to] = timestampOf(times[index] as number);
          records[to++] = value;
        }
      }
    } catch {
      // As in hasNext.
    }
    if (index > fetch.index) this.position = columns.offset(index - 1) + 1;
    fetch.index = index;
    return to;
  }
}
