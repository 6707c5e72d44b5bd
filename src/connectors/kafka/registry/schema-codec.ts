import { avroCodec } from "./avro-codec.js";
import { jsonCodec } from "./json-codec.js";
import { protobufCodec } from "./protobuf-codec.js";
import type { RegisteredSchema } from "./registry-client.js";
import type { RegistryDriver } from "./registry-driver.js";
import type { ParsedValueOptions } from "./registry-options.js";

/** Values of one schema as bytes: what stands behind the id in Confluent's wire format. */
export interface SchemaCodec {
  /** bytes[start..end) as a value that keeps nothing of `bytes`; throws what is wrong with them. */
  decode(bytes: Buffer, start: number, end: number): unknown;
  /** `prefix` and the value; throws what is wrong with the value. */
  encode(prefix: Buffer, value: unknown): Buffer;
}

/** What a codec is made for. */
export interface CodecOptions extends ParsedValueOptions {
  /** Avro: the schema in which values are to come. */
  readonly readerSchema?: string | object | undefined;
  /** Protobuf: the message that is written; default the first of the schema. */
  readonly messageName?: string | undefined;
}

/** The codec of a schema. Throws for a schema that cannot be used. */
export function codecOf(
  driver: RegistryDriver,
  schema: RegisteredSchema,
  options: CodecOptions,
): SchemaCodec {
  switch (schema.type) {
    case "AVRO":
      return avroCodec(driver, schema, options);
    case "JSON":
      return jsonCodec(driver, schema);
    case "PROTOBUF":
      return protobufCodec(driver, schema, options);
    default:
      throw new Error(`its type ${schema.type} is none of AVRO, JSON and PROTOBUF`);
  }
}
