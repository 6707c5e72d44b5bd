import type { Type } from "avsc";
import { HeadwaterError, messageOf, optionInvalid } from "../../errors/index.js";
import { fileCorrupt } from "../../files/index.js";
import { partsOf, typeOf } from "../avro-types.js";
import type { AvroDriver } from "./avro-driver.js";
import { badRecord } from "./avro-errors.js";
import type { ParsedAvroOptions } from "./avro-options.js";
import { checkOf, type RecordCursor, type RecordFacts } from "./record-check.js";

interface Decoding {
  readonly type: Type;
  readonly resolver: ReturnType<Type["createResolver"]> | undefined;
}

/** Makes values of the records of one file. */
export class AvroDecoder {
  readonly check: (cursor: RecordCursor) => void;
  readonly isInt64Number: boolean;
  readonly #fast: Decoding;
  readonly #exact: Decoding;
  readonly #promotesLongs: boolean;

  /** Throws FILE_CORRUPT for the file's schema, OPTION_INVALID for a reader schema that does not fit. */
  constructor(driver: AvroDriver, path: string, schemaText: string, options: ParsedAvroOptions) {
    const { readerSchema, int64 } = options;
    this.isInt64Number = int64 === "number";
    const written = parseWritten(path, schemaText);
    const decoding = (kind: "fast" | "number" | "bigint"): Decoding => {
      const writer = writerType(() => typeOf(driver, written, options, kind), path);
      if (readerSchema === undefined) return { type: writer, resolver: undefined };
      const reader = readerType(() => typeOf(driver, parseSchema(readerSchema), options, kind));
      return { type: reader, resolver: resolve(reader, writer, path) };
    };
    this.#fast = decoding(this.isInt64Number ? "fast" : "bigint");
    this.#exact = this.isInt64Number ? decoding("number") : this.#fast;
    const writer = writerType(() => typeOf(driver, written, options, "fast"), path);
    this.check = writerType(() => checkOf(writer), path);
    this.#promotesLongs =
      readerSchema !== undefined &&
      has(this.#fast.type, ["float", "double"]) &&
      has(writer, ["long"]);
  }

  /** The record at `start`, which has been checked and ends at `end`; throws BAD_RECORD. */
  decode(bytes: Buffer, start: number, end: number, facts: RecordFacts | undefined): unknown {
    if (facts?.problem !== undefined) throw badRecord(facts.problem);
    if (facts?.hasLargeNegativeLong === true && this.#promotesLongs) {
      throw badRecord("a long below −2^52 cannot be read with this readerSchema, which has floats");
    }
    const { type, resolver } = facts?.hasLargeLong === true ? this.#exact : this.#fast;
    let decoded: { readonly value: unknown; readonly offset: number };
    try {
      decoded = type.decode(bytes, start, resolver);
    } catch (cause) {
      throw badRecord(`avsc cannot decode it: ${messageOf(cause)}`, cause);
    }
    if (decoded.offset !== end) throw badRecord("avsc finds another end of the record");
    return decoded.value;
  }
}

function parseWritten(path: string, text: string): unknown {
  try {
    return parseSchema(text);
  } catch (cause) {
    throw fileCorrupt(path, "its avro.schema is no JSON", cause);
  }
}

/** A text that is no JSON is the name of a type. */
function parseSchema(schema: string | object): unknown {
  if (typeof schema !== "string" || /^\w+$/.test(schema)) return schema;
  return JSON.parse(schema);
}

function writerType<R>(make: () => R, path: string): R {
  try {
    return make();
  } catch (cause) {
    throw fileCorrupt(path, `its avro.schema cannot be used: ${messageOf(cause)}`, cause);
  }
}

function readerType(make: () => Type): Type {
  try {
    return make();
  } catch (cause) {
    throw readerSchemaInvalid(`it cannot be used: ${messageOf(cause)}`, cause);
  }
}

function resolve(reader: Type, writer: Type, path: string): Decoding["resolver"] {
  try {
    return reader.createResolver(writer);
  } catch (cause) {
    const field = incompatibleField(reader, writer).join(".");
    const where = field === "" ? "" : `, field ${field}`;
    throw readerSchemaInvalid(
      `it cannot read the records of ${path}${where}: ${messageOf(cause)}`,
      cause,
    );
  }
}

function readerSchemaInvalid(reason: string, cause: unknown): HeadwaterError {
  const { message } = optionInvalid("avroSource.readerSchema", undefined, "");
  const option = message.slice(0, message.indexOf(":"));
  return new HeadwaterError("OPTION_INVALID", `${option}: ${reason}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
  });
}

interface Fields {
  readonly fields?: readonly {
    readonly name: string;
    readonly aliases: readonly string[];
    readonly type: Type;
    defaultValue(): unknown;
  }[];
}

/** The path to the first field of the reader that the writer's does not fit. */
function incompatibleField(reader: Type, writer: Type, seen = new Set<Type>()): string[] {
  if (seen.has(reader)) return [];
  seen.add(reader);
  const written = (writer as Fields).fields ?? [];
  for (const { name, aliases, type, defaultValue } of (reader as Fields).fields ?? []) {
    const source = written.find((field) => field.name === name || aliases.includes(field.name));
    if (source === undefined) {
      if (defaultValue() === undefined) return [name];
      continue;
    }
    try {
      type.createResolver(source.type);
    } catch {
      return [name, ...incompatibleField(type, source.type, seen)];
    }
  }
  return [];
}

function has(type: Type, names: readonly string[]): boolean {
  return [...partsOf(type)].some(({ typeName }) => names.includes(typeName));
}
