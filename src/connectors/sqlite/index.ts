export type { DatabaseSinkOptions, SqlRow } from "../../sql/sink/database-sink-options.js";
export type {
  MapRow,
  RowObject,
  SqlEnumeratorState,
  SqlSource,
  SqlSplit,
} from "../../sql/source/index.js";
export * from "./sqlite-sink.js";
export * from "./sqlite-source.js";
