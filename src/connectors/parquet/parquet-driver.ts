import { type HeadwaterError, peerMissing } from "../../errors/index.js";

/** What the connector takes from hyparquet and hyparquet-compressors: only what they export. */
export interface ParquetDriver {
  readonly parquetMetadata: typeof import("hyparquet").parquetMetadata;
  readonly parquetSchema: typeof import("hyparquet").parquetSchema;
  readonly parquetRead: typeof import("hyparquet").parquetRead;
  readonly compressors: typeof import("hyparquet-compressors").compressors;
}

let loading: Promise<ParquetDriver> | undefined;

/** Loads the optional peers on first use; throws DRIVER_MISSING with the command that installs them. */
export function loadParquetDriver(): Promise<ParquetDriver> {
  loading ??= load().catch((cause: unknown) => {
    loading = undefined;
    throw driverMissing(cause);
  });
  return loading;
}

async function load(): Promise<ParquetDriver> {
  const [{ parquetMetadata, parquetSchema, parquetRead }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  return { parquetMetadata, parquetSchema, parquetRead, compressors };
}

/** The error for a peer that is not installed. */
export function driverMissing(cause: unknown): HeadwaterError {
  return peerMissing(
    "parquetSource needs hyparquet to read Parquet files",
    "hyparquet@1 hyparquet-compressors@1",
    cause,
  );
}
