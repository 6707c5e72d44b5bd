export type { CsvColumn, CsvColumns, CsvColumnType, CsvRecord } from "./csv-columns.js";
export type { CsvSourceOptions } from "./csv-options.js";
export { type CsvSinkOptions, csvSink } from "./csv-sink.js";
export { csvSource } from "./csv-source.js";
