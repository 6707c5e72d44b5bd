export * from "./relation-check.js";
export type { MapRow, RowObject } from "./sql-batch.js";
export * from "./sql-source.js";
export * from "./sql-source-options.js";
export type { SqlEnumeratorState, SqlSplit } from "./sql-split.js";
export * from "./sql-table.js";
