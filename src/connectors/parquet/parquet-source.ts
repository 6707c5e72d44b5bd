import type { Source } from "../../api/source.js";
import { type ParquetSourceOptions, parseParquetOptions } from "./options.js";
import { ParquetEnumerator } from "./parquet-enumerator.js";
import { ParquetReader } from "./parquet-reader.js";
import {
  type ParquetEnumeratorState,
  type ParquetSplit,
  parquetEnumeratorStateSerializer,
  parquetSplitSerializer,
} from "./parquet-split.js";

/**
 * A bounded source of the rows of Parquet files, each an object with a property a column.
 *
 * A split is one row group; its position is a row, so a restored job loses and repeats nothing.
 * Throws OPTION_INVALID here; FILE_NOT_FOUND, FILE_CORRUPT and DRIVER_MISSING fail the job when it
 * runs.
 */
export function parquetSource<T = Record<string, unknown>>(
  options: ParquetSourceOptions,
): Source<T, ParquetSplit, ParquetEnumeratorState> {
  const parsed = parseParquetOptions(options);
  return {
    name: `parquet ${parsed.paths.join(", ")}`,
    boundedness: "BOUNDED",
    splitSerializer: parquetSplitSerializer,
    enumeratorCheckpointSerializer: parquetEnumeratorStateSerializer,
    createReader: (context) => new ParquetReader<T>(context, parsed),
    createEnumerator: (context) => new ParquetEnumerator(context, parsed),
    restoreEnumerator: (context, checkpoint) => new ParquetEnumerator(context, parsed, checkpoint),
  };
}
