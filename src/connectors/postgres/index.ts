export type { DatabaseSinkOptions, SqlRow } from "../../sql/sink/database-sink-options.js";
export type {
  MapRow,
  RowObject,
  SqlEnumeratorState,
  SqlSource,
  SqlSplit,
} from "../../sql/source/index.js";
export type { PostgresConnection, PostgresConnectionOptions } from "./postgres-connection.js";
export * from "./postgres-sink.js";
export * from "./postgres-source.js";
