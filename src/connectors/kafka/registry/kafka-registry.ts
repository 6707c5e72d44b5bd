import * as v from "valibot";
import { parseOptions, wholeNumber } from "../../../options/parse-options.js";
import { fieldDeserializer, type KafkaFieldDeserializer } from "../source/deserialization.js";
import { RegistryClient } from "./registry-client.js";
import {
  avroSchema,
  type RegistryConnectionOptions,
  type RegistryValueOptions,
  registryConnectionEntries,
  registryValueEntries,
} from "./registry-options.js";
import { RegistrySchemas } from "./registry-schemas.js";

/** What `kafkaRegistry` takes. Durations: milliseconds, or text such as "5s". */
export interface KafkaRegistryOptions extends RegistryConnectionOptions, RegistryValueOptions {
  /** Avro: the schema in which records are to come; default the one that each was written with. */
  readonly readerSchema?: string | object;
  /** Schemas that are kept; more of them fail the job. Default 1000. */
  readonly maxSchemas?: number;
}

const schema = v.strictObject({
  ...registryConnectionEntries,
  ...registryValueEntries,
  readerSchema: v.optional(avroSchema),
  maxSchemas: v.optional(wholeNumber(1), 1000),
});

/**
 * Values (or keys, in `kafkaKeyed`) in the wire format of Confluent's schema registry: Avro, JSON Schema
 * and Protobuf. Schemas are loaded before records are handed over, each once.
 *
 * Throws OPTION_INVALID; DRIVER_MISSING, CONNECTION_FAILED, KAFKA_AUTHENTICATION_FAILED,
 * KAFKA_REQUEST_FAILED and LIMIT_EXCEEDED fail the source. A record whose schema is not in the registry,
 * or does not fit, is a bad one. Records without a value are left out.
 */
export function kafkaRegistry<T = unknown>(
  options: KafkaRegistryOptions,
): KafkaFieldDeserializer<T> {
  const parsed = parseOptions("kafkaRegistry", schema, options);
  const schemas = new RegistrySchemas(new RegistryClient(parsed), parsed);
  return fieldDeserializer<T>(
    (bytes, start, end) => schemas.decode(bytes, start, end) as T,
    schemas,
  );
}
