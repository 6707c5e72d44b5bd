import { createRequire } from "node:module";
import { type HeadwaterError, peerMissing } from "../../../errors/index.js";
import type { ProtobufDriver } from "./protobuf-driver.js";

/** A schema of JSON Schema, as the driver checks values against it. */
interface DriverJsonSchema {
  fromBuffer(bytes: Buffer): unknown;
  toBuffer(value: unknown): Buffer;
}

/** What is used of ajv. */
interface DriverAjv {
  addSchema(schema: unknown, key: string): unknown;
}

/** What is taken from @kafkajs/confluent-schema-registry, and from what it brings. */
export interface RegistryDriver {
  readonly avsc: Pick<typeof import("avsc"), "Type" | "types">;
  readonly JsonSchema: new (
    schema: { readonly schema: string },
    options: { readonly ajvInstance: unknown },
  ) => DriverJsonSchema;
  readonly Ajv: new (options: Readonly<Record<string, unknown>>) => DriverAjv;
  readonly protobuf: ProtobufDriver;
}

let loading: Promise<RegistryDriver> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadRegistryDriver(): Promise<RegistryDriver> {
  loading ??= load().catch((cause: unknown) => {
    loading = undefined;
    throw driverMissing(cause);
  });
  return loading;
}

async function load(): Promise<RegistryDriver> {
  const requireHere = createRequire(import.meta.url);
  const driver = requireHere.resolve("@kafkajs/confluent-schema-registry");
  // What the driver brings may lie in its own folder.
  const requireOf = createRequire(driver);
  const json = requireOf("./JsonSchema.js") as { readonly default: RegistryDriver["JsonSchema"] };
  const ajv = requireOf("ajv") as { readonly default: RegistryDriver["Ajv"] };
  return {
    avsc: requireOf("avsc") as RegistryDriver["avsc"],
    JsonSchema: json.default,
    Ajv: ajv.default,
    protobuf: requireOf("protobufjs") as RegistryDriver["protobuf"],
  };
}

/** The error for a peer that is not installed. */
export function driverMissing(cause: unknown): HeadwaterError {
  return peerMissing(
    "reading and writing with a schema registry needs @kafkajs/confluent-schema-registry",
    "@kafkajs/confluent-schema-registry@3.9.0",
    cause,
  );
}
