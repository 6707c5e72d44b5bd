import { describeValue } from "../../../errors/index.js";
import type { AppendHeader } from "../records/index.js";

/** What a key or value is written as: bytes as they are, text as UTF-8, null for none. */
export type KafkaField = Uint8Array | string | null;

/** How a key or value is made of a record. */
export type FieldSerializer<T> =
  | "string"
  | "json"
  | "bytes"
  /** For a value, undefined: the record is left out. */
  | ((record: T) => KafkaField | undefined);

/** How a record becomes one of Kafka's (Flink `KafkaRecordSerializationSchema`). */
export interface KafkaRecordSerializer<T> {
  /** Default: no key. */
  readonly key?: FieldSerializer<T>;
  readonly value: FieldSerializer<T>;
  readonly headers?: (record: T) => readonly AppendHeader[] | undefined;
  /** Milliseconds since 1970; default: the event time, or now for a record without one. */
  readonly timestamp?: (record: T) => number;
}

/** A serializer with its names looked up. */
export interface CompiledSerializer<T> {
  readonly key: ((record: T) => KafkaField | undefined) | undefined;
  readonly value: (record: T) => KafkaField | undefined;
  readonly headers: ((record: T) => readonly AppendHeader[] | undefined) | undefined;
  readonly timestamp: ((record: T) => number) | undefined;
}

/** A record, or what its function gave, that cannot be written. */
export class FieldRefused extends Error {}

export function compileSerializer<T>(
  serializer: "string" | "json" | "bytes" | KafkaRecordSerializer<T>,
): CompiledSerializer<T> {
  const { key, value, headers, timestamp } =
    typeof serializer === "string"
      ? ({ value: serializer } as KafkaRecordSerializer<T>)
      : serializer;
  return {
    key: key === undefined ? undefined : fieldOf("key", key),
    value: fieldOf("value", value),
    headers,
    timestamp,
  };
}

function fieldOf<T>(
  name: "key" | "value",
  serializer: FieldSerializer<T>,
): (record: T) => KafkaField | undefined {
  switch (serializer) {
    case "json":
      return (record) => {
        const text: string | undefined = JSON.stringify(record);
        if (text === undefined) throw refused(name, "something that has a form in JSON", record);
        return text;
      };
    case "string":
      return (record) => {
        if (typeof record !== "string") throw refused(name, "a string", record);
        return record;
      };
    case "bytes":
      return (record) => {
        if (!(record instanceof Uint8Array)) throw refused(name, "a Uint8Array", record);
        return record;
      };
    default:
      return (record) => {
        const field: unknown = serializer(record);
        if (typeof field === "string" || field === null || field instanceof Uint8Array) {
          return field;
        }
        if (field === undefined && name === "value") return undefined;
        throw refused(name, "a string, a Uint8Array or null", field);
      };
  }
}

function refused(name: string, expected: string, given: unknown): FieldRefused {
  return new FieldRefused(`the ${name} has to be ${expected}, and is ${describeValue(given)}`);
}
