export type { ParquetSourceOptions } from "./options.js";
export { parquetSource } from "./parquet-source.js";
export type { ParquetEnumeratorState, ParquetSplit } from "./parquet-split.js";
