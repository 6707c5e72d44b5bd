import { type HeadwaterError, peerMissing } from "../../errors/index.js";

/** What `avroSource` takes from avsc: only what it exports. */
export interface AvroDriver {
  readonly Type: typeof import("avsc").Type;
  readonly types: typeof import("avsc").types;
}

let loading: Promise<AvroDriver> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadAvroDriver(): Promise<AvroDriver> {
  loading ??= load().catch((cause: unknown) => {
    loading = undefined;
    throw driverMissing(cause);
  });
  return loading;
}

async function load(): Promise<AvroDriver> {
  const { default: avsc } = await import("avsc");
  return { Type: avsc.Type, types: avsc.types };
}

/** The error for a peer that is not installed. */
export function driverMissing(cause: unknown): HeadwaterError {
  return peerMissing("avroSource needs avsc to read Avro files", "avsc@5", cause);
}
