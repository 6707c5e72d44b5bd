import type { RecordHeader } from "../records/index.js";
import {
  bytesField,
  type FieldDecoder,
  type JsonCheck,
  jsonField,
  jsonText,
  type StandardSchema,
  textField,
} from "./field-decoders.js";
import type { KafkaSourceRecord, RecordPlace } from "./record-place.js";
import {
  type FieldPreparation,
  type PrepareColumns,
  prepareColumns,
} from "./record-preparation.js";

export type { JsonCheck, StandardSchema } from "./field-decoders.js";
export type { KafkaSourceRecord } from "./record-place.js";

/** What `decodeAt` gives for a record that is left out. */
export const LEFT_OUT: unique symbol = Symbol("left out");

/**
 * Turns Kafka's records into the job's (Flink `KafkaRecordDeserializationSchema`); called in the
 * operator's loop. What `deserialize` throws makes the record a bad one, of which nothing is emitted.
 */
export interface KafkaDeserializer<T> {
  /** Gives any number of records to `collect`. */
  deserialize(record: KafkaSourceRecord, collect: (value: T) => void): void;
}

/** A deserializer that gives one record for one, straight from the columns. */
export interface ColumnDeserializer<T> extends KafkaDeserializer<T> {
  decodeAt(place: RecordPlace): T | typeof LEFT_OUT;
  /** What it decodes alone, where that is all that it does. */
  readonly valueField?: FieldDecoder<T> | undefined;
  /**
   * The same from a value's text, of which it keeps no part; beside `valueField`, for values that are ASCII.
   */
  readonly valueText?: ((text: string) => T) | undefined;
  /** What it gives keeps no views of the record's bytes, so that they may be used again. */
  readonly copies?: boolean | undefined;
  /** Called for fetched records before they are handed over, which waits for it. */
  readonly prepare?: PrepareColumns | undefined;
}

/** A deserializer of a key or a value alone; by itself it reads values, and leaves out records without one. */
export interface KafkaFieldDeserializer<T> extends ColumnDeserializer<T> {
  /** Decodes one field; null: the record has none. */
  readonly field: FieldDecoder<T>;
  /** What `field` needs to have loaded. */
  readonly preparation?: FieldPreparation | undefined;
}

/** A record with what it has besides its value. */
export interface KafkaKeyedRecord<K, V> {
  readonly key: K | null;
  /** Null: the record deletes its key in a compacted topic. */
  readonly value: V | null;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch; -1: the record has none. */
  readonly timestamp: number;
  readonly headers: readonly RecordHeader[];
}

/** Values as text in UTF-8; other bytes make a bad record. Records without a value are left out. */
export function kafkaString(): KafkaFieldDeserializer<string> {
  return fieldDeserializer(textField, undefined, true);
}

/**
 * Values as JSON. `schema` checks them: a function that returns the record or throws, or a schema of
 * valibot, zod or another library of the Standard Schema. Records without a value are left out.
 */
export function kafkaJson<T = unknown>(
  schema?: JsonCheck<T> | StandardSchema<T>,
): KafkaFieldDeserializer<T> {
  const valueText = jsonText(schema);
  return { ...fieldDeserializer(jsonField(valueText), undefined, true), valueText };
}

/**
 * Values as bytes; they stay as they are for as long as they are kept. Neighbours share memory, up to 128 KiB of it:
 * copy the few that are kept for long (`Buffer.from(value)`). Records without a value are left out.
 */
export function kafkaBytes(): KafkaFieldDeserializer<Buffer> {
  return fieldDeserializer(bytesField(), undefined, true);
}

/** Which fields `kafkaKeyed` decodes how. */
export interface KafkaKeyedOptions<K, V> {
  /** Default `kafkaString()`. */
  readonly key?: KafkaFieldDeserializer<K>;
  /** Default `kafkaString()`. */
  readonly value?: KafkaFieldDeserializer<V>;
}

/** Each record with key, place, timestamp and headers; also those without a value. */
export function kafkaKeyed<K = string, V = string>(
  options: KafkaKeyedOptions<K, V> = {},
): ColumnDeserializer<KafkaKeyedRecord<K, V>> {
  const key = (options.key?.field ?? textField) as FieldDecoder<K>;
  const value = (options.value?.field ?? textField) as FieldDecoder<V>;
  const prepare = prepareColumns(options.key?.preparation, options.value?.preparation);
  const copies = isCopying(options.key) && isCopying(options.value);
  const deserializer = oneForOne(({ topic, partition, columns, index }) => {
    const { bytes, isOwn } = columns;
    const keyLength = columns.keyLength(index);
    const valueLength = columns.valueLength(index);
    const keyStart = columns.keyStart(index);
    const valueStart = columns.valueStart(index);
    return {
      key: keyLength < 0 ? null : key(bytes, keyStart, keyStart + keyLength, isOwn),
      value: valueLength < 0 ? null : value(bytes, valueStart, valueStart + valueLength, isOwn),
      topic,
      partition,
      offset: columns.offset(index),
      timestamp: columns.timestamp(index),
      headers: ownHeaders(columns.headers(index)),
    };
  }, prepare);
  return { ...deserializer, copies };
}

/** True for a deserializer that reads straight from the columns. */
export function isColumnDeserializer<T>(
  deserializer: KafkaDeserializer<T>,
): deserializer is ColumnDeserializer<T> {
  return "decodeAt" in deserializer;
}

/** As `kafkaString`, which it stands for, is. */
function isCopying(deserializer: KafkaFieldDeserializer<unknown> | undefined): boolean {
  return deserializer === undefined || deserializer.copies === true;
}

/** A deserializer of values; `preparation` loads what `field` needs; `copies`: it keeps no views. */
export function fieldDeserializer<T>(
  field: FieldDecoder<T>,
  preparation?: FieldPreparation,
  copies = false,
): KafkaFieldDeserializer<T> {
  const deserializer = oneForOne<T>(
    ({ columns, index }) => {
      const length = columns.valueLength(index);
      if (length < 0) return LEFT_OUT;
      const start = columns.valueStart(index);
      return field(columns.bytes, start, start + length, columns.isOwn);
    },
    prepareColumns(undefined, preparation),
  );
  return { ...deserializer, field, valueField: field, preparation, copies };
}

function oneForOne<T>(
  decodeAt: (place: RecordPlace) => T | typeof LEFT_OUT,
  prepare?: PrepareColumns,
): ColumnDeserializer<T> {
  return {
    decodeAt,
    prepare,
    deserialize(record, collect) {
      const value = decodeAt(record as RecordPlace);
      if (value !== LEFT_OUT) collect(value);
    },
  };
}

/** Views would keep all of a fetch in memory. */
function ownHeaders(headers: readonly RecordHeader[]): readonly RecordHeader[] {
  if (headers.length === 0) return headers;
  return headers.map(({ key, value }) => ({
    key,
    value: value === null ? null : Buffer.from(value),
  }));
}
