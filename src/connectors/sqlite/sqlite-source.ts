import { resolve } from "node:path";
import * as v from "valibot";
import type { DurationInput } from "../../api/watermark.js";
import { duration, parseOptions } from "../../options/parse-options.js";
import {
  type RowObject,
  type SqlSource,
  type SqlSourceOptions,
  sqlSource,
  sqlSourceEntries,
  sqlSourceParts,
} from "../../sql/source/index.js";
import { databaseFile } from "./sqlite-driver.js";
import { openSqliteTable } from "./sqlite-source-table.js";

/** What `sqliteSource` takes. */
export interface SqliteSourceOptions<T> extends SqlSourceOptions<T> {
  /** The database's file; it is opened for reading only. */
  readonly path: string;
  /** How long a lock of another connection is waited for; default 5 s. */
  readonly busyTimeout?: DurationInput;
}

const schema = v.strictObject({
  ...sqlSourceEntries,
  path: databaseFile,
  busyTimeout: v.optional(duration(), 5000),
});

/** Rows that one look for marks passes over: a millisecond or two, as SQLite is asked in the loop. */
const ROWS_PER_LOOK = 2048;

/**
 * A source of the rows of a SQLite table, each an object with a property a column; bounded unless
 * `mode` is "incrementing".
 *
 * A split is a range of keys; its position is the key of a row, so a restored job loses and repeats
 * nothing. Throws OPTION_INVALID here and for what the table does not have; FILE_NOT_FOUND,
 * FILE_CORRUPT, CONNECTION_FAILED for a lock that stays, and DRIVER_MISSING fail the job when it runs.
 */
export function sqliteSource<T = RowObject>(options: SqliteSourceOptions<T>): SqlSource<T> {
  const parsed = parseOptions("sqliteSource", schema, options);
  const { relation, ...parts } = sqlSourceParts<T>("sqliteSource", parsed);
  const path = resolve(parsed.path);
  const name = `${relation.table ?? "query"}(${relation.key.join(", ")})`;
  return sqlSource<T>({
    ...parts,
    database: "SQLite",
    access: {
      name,
      rowsPerLook: ROWS_PER_LOOK,
      open: () => openSqliteTable({ path, name, relation, busyTimeout: parsed.busyTimeout }),
    },
  });
}
