import type { Source } from "../../api/source.js";
import { KeyRangeEnumerator, type KeyRangePlan } from "./key-range-enumerator.js";
import type { MapRow } from "./sql-batch.js";
import { SqlReader } from "./sql-reader.js";
import {
  type SqlEnumeratorState,
  type SqlSplit,
  sqlEnumeratorStateSerializer,
  sqlSplitSerializer,
} from "./sql-split.js";

/** The source that the connectors of databases give. */
export type SqlSource<T> = Source<T, SqlSplit, SqlEnumeratorState>;

/** What makes a source of a database. */
export interface SqlSourceParts<T> extends KeyRangePlan {
  /** The database, for people: such as "Postgres". */
  readonly database: string;
  readonly mapRow: MapRow<T> | undefined;
}

/** A source of the rows of one table, whatever the database. */
export function sqlSource<T>(parts: SqlSourceParts<T>): SqlSource<T> {
  const { access, database, mapRow, pollInterval } = parts;
  return {
    name: `${database} ${access.name}`,
    boundedness: pollInterval === undefined ? "BOUNDED" : "CONTINUOUS_UNBOUNDED",
    splitSerializer: sqlSplitSerializer,
    enumeratorCheckpointSerializer: sqlEnumeratorStateSerializer,
    createReader: (context) => new SqlReader<T>(context, access, mapRow),
    createEnumerator: (context) => new KeyRangeEnumerator(context, parts),
    restoreEnumerator: (context, state) => new KeyRangeEnumerator(context, parts, state),
  };
}
