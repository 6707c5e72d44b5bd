import type { Source } from "../../api/source.js";
import { fileEnumeration } from "../../files/index.js";
import { type ParquetSourceOptions, parseParquetOptions } from "./options.js";
import { ParquetReader } from "./parquet-reader.js";
import {
  type ParquetEnumeratorState,
  type ParquetSplit,
  parquetEnumeratorStateSerializer,
  parquetSplitSerializer,
} from "./parquet-split.js";
import { parquetSplitsOf } from "./parquet-splits.js";

/**
 * A source of the rows of Parquet files, each an object with a property a column; bounded unless the
 * options have a `discoveryInterval`.
 *
 * A split is one row group; its position is a row, so a restored job loses and repeats nothing.
 * Throws OPTION_INVALID here; FILE_NOT_FOUND, FILE_CHANGED, FILE_CORRUPT, LIMIT_EXCEEDED and
 * DRIVER_MISSING fail the job when it runs.
 */
export function parquetSource<T = Record<string, unknown>>(
  options: ParquetSourceOptions,
): Source<T, ParquetSplit, ParquetEnumeratorState> {
  const parsed = parseParquetOptions(options);
  return {
    ...fileEnumeration({
      name: "parquet",
      option: "parquetSource",
      options: parsed.files,
      splitsOf: (file) => parquetSplitsOf(file, parsed),
      serializer: parquetEnumeratorStateSerializer,
    }),
    splitSerializer: parquetSplitSerializer,
    createReader: (context) => new ParquetReader<T>(context, parsed),
  };
}
