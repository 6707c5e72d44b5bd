export type { ParquetSourceOptions } from "./options.js";
export { type ParquetSinkOptions, parquetSink } from "./parquet-sink.js";
export type { ParquetColumn, ParquetColumnType } from "./parquet-sink-columns.js";
export type { ParquetSinkCodec } from "./parquet-sink-driver.js";
export { parquetSource } from "./parquet-source.js";
export type { ParquetEnumeratorState, ParquetSplit } from "./parquet-split.js";
