import * as v from "valibot";
import type { Sink } from "../../api/sink.js";
import { fileSink } from "../../files/sink/file-sink.js";
import { type FileSinkOptions, fileSinkEntries } from "../../files/sink/file-sink-options.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import { COLUMN_TYPES, type ParquetColumn, sinkColumns } from "./parquet-sink-columns.js";
import { loadParquetSinkDriver, type ParquetSinkCodec } from "./parquet-sink-driver.js";
import { ParquetEncoder } from "./parquet-sink-encoder.js";

/** What `parquetSink` takes. */
export interface ParquetSinkOptions extends Omit<FileSinkOptions, "compression" | "bufferSize"> {
  /** The properties to write, in this order, and what they hold. */
  readonly columns: Readonly<Record<string, ParquetColumn>>;
  /** How pages are compressed; default "snappy". */
  readonly codec?: ParquetSinkCodec;
  /** Rows in a row group at most; default 10,000. */
  readonly rowGroupSize?: number;
  /** A row group ends when its values take about so many bytes of memory; default 8 MiB. */
  readonly rowGroupBytes?: number;
}

const { compression: _compression, bufferSize: _bufferSize, ...entries } = fileSinkEntries;

const schema = v.strictObject({
  ...entries,
  columns: expecting<Readonly<Record<string, ParquetColumn>>>(
    areColumns,
    `one or more columns by name, each ${COLUMN_TYPES.map((type) => `"${type}"`).join(", ")} or { type, nullable }`,
  ),
  codec: v.optional(v.picklist(["uncompressed", "snappy", "gzip", "zstd"]), "snappy"),
  rowGroupSize: v.optional(wholeNumber(1), 10_000),
  rowGroupBytes: v.optional(wholeNumber(1), 8 * 1024 * 1024),
});

/**
 * Writes a row a record into new files `part-<subtask>-<n>.parquet`; records are objects.
 *
 * A file ends at each checkpoint, and has its name only then (Flink `OnCheckpointRollingPolicy`).
 * At-least-once: after a failure records since the last checkpoint come again, in another file; or
 * exactly-once with `delivery`. A record that the columns cannot hold fails the job with SINK_FAILED,
 * naming the column. DRIVER_MISSING without hyparquet-writer, UNSUPPORTED_OPERATION for "zstd" on a Node
 * without it.
 */
export function parquetSink<T extends object>(options: ParquetSinkOptions): Sink<T> {
  const { codec, rowGroupSize, rowGroupBytes, ...parsed } = parseOptions(
    "parquetSink",
    schema,
    options,
  );
  const columns = sinkColumns(parsed.columns);
  return fileSink<T>({
    format: "parquet",
    sink: "parquetSink",
    extension: "parquet",
    // Pages are compressed and gathered by the encoder.
    options: { ...parsed, compression: "none", bufferSize: 1 },
    isBulk: true,
    async loadEncoder() {
      const driver = await loadParquetSinkDriver(codec);
      const parts = { columns, codec, rowGroupSize, rowGroupBytes };
      return () => new ParquetEncoder<T>(driver, parts);
    },
  });
}

function areColumns(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const columns = Object.entries(value);
  return columns.length > 0 && columns.every(([name, column]) => name !== "" && isColumn(column));
}

function isColumn(column: unknown): boolean {
  if (typeof column !== "object" || column === null) return isType(column);
  const { type, nullable = false, ...others } = column as Readonly<Record<string, unknown>>;
  return isType(type) && typeof nullable === "boolean" && Object.keys(others).length === 0;
}

function isType(type: unknown): boolean {
  return COLUMN_TYPES.some((known) => known === type);
}
