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
  | ((record: T) => KafkaField | undefined)
  | OpenedFieldSerializer<T>;

/** Makes a key or value with something that has to be looked up first. */
export interface OpenedFieldSerializer<T> {
  /** Called by each writer before its first record; tried again where the error allows it. */
  open(): Promise<void>;
  /** As a function. */
  serialize(record: T): KafkaField | undefined;
}

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

/** Opens what has to be opened. */
export async function openSerializer<T>(
  serializer: "string" | "json" | "bytes" | KafkaRecordSerializer<T>,
): Promise<void> {
  if (typeof serializer === "string") return;
  for (const field of [serializer.key, serializer.value]) {
    if (typeof field === "object") await field.open();
  }
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
    default: {
      const make = typeof serializer === "function" ? serializer : serializer.serialize;
      return (record) => {
        const field: unknown = make(record);
        if (typeof field === "string" || field === null || field instanceof Uint8Array) {
          return field;
        }
        if (field === undefined && name === "value") return undefined;
        throw refused(name, "a string, a Uint8Array or null", field);
      };
    }
  }
}

function refused(name: string, expected: string, given: unknown): FieldRefused {
  return new FieldRefused(`the ${name} has to be ${expected}, and is ${describeValue(given)}`);
}
