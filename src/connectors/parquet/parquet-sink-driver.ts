import * as zlib from "node:zlib";
import { type HeadwaterError, peerMissing, unsupportedOperation } from "../../errors/index.js";

/** How pages are compressed. */
export type ParquetSinkCodec = "uncompressed" | "snappy" | "gzip" | "zstd";

/** What the sink takes from hyparquet-writer, and how it compresses: undefined, not or as the writer does. */
export interface ParquetSinkDriver {
  readonly ParquetWriter: typeof import("hyparquet-writer").ParquetWriter;
  readonly ByteWriter: typeof import("hyparquet-writer").ByteWriter;
  readonly compress: ((page: Uint8Array) => Uint8Array) | undefined;
}

/**
 * Loads the optional peer; throws DRIVER_MISSING with the command that installs it, and
 * UNSUPPORTED_OPERATION for a codec that this Node does not have.
 */
export async function loadParquetSinkDriver(codec: ParquetSinkCodec): Promise<ParquetSinkDriver> {
  const compress = compressorOf(codec);
  const { ParquetWriter, ByteWriter } = await import("hyparquet-writer").catch((cause: unknown) => {
    throw sinkDriverMissing(cause);
  });
  return { ParquetWriter, ByteWriter, compress };
}

function compressorOf(codec: ParquetSinkCodec): ParquetSinkDriver["compress"] {
  if (codec === "gzip") return (page) => zlib.gzipSync(page);
  if (codec !== "zstd") return undefined;
  if (zstdCompressSync !== undefined) return zstdCompressSync;
  throw unsupportedOperation(
    `parquetSink has the codec "zstd", and Node ${process.version} cannot compress so`,
    'Use Node 22.15 or newer, or the codec "snappy" or "gzip".',
  );
}

/** From Node 22.15 on. */
const { zstdCompressSync } = zlib as {
  readonly zstdCompressSync?: (page: Uint8Array) => Uint8Array;
};

/** The error for a peer that is not installed. */
export function sinkDriverMissing(cause: unknown): HeadwaterError {
  return peerMissing(
    "parquetSink needs hyparquet-writer to write Parquet files",
    "hyparquet-writer@0.17",
    cause,
  );
}
