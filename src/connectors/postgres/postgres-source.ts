import * as v from "valibot";
import type { DurationInput } from "../../api/watermark.js";
import { expecting } from "../../options/expecting.js";
import { duration, parseOptions } from "../../options/parse-options.js";
import {
  type RowObject,
  type SqlSource,
  type SqlSourceOptions,
  sqlSource,
  sqlSourceEntries,
  sqlSourceParts,
} from "../../sql/source/index.js";
import { connectionSchema, type PostgresConnection } from "./postgres-connection.js";
import { openPostgresTable } from "./postgres-source-table.js";

/** What `postgresSource` takes. */
export interface PostgresSourceOptions<T> extends SqlSourceOptions<T> {
  readonly connection: PostgresConnection;
  /** Where the table is; default: the first of the user's search path that has it. */
  readonly schema?: string;
  /** What a timestamp becomes: text with every digit (default), or a `Date`. */
  readonly timestamps?: "string" | "date";
  /** What JSON becomes: its value (default), or its text. */
  readonly json?: "parse" | "string";
  /** How long one statement may take; default 60 s, 0: no limit. */
  readonly statementTimeout?: DurationInput;
  /** How long connecting may take; default 10 s. */
  readonly connectTimeout?: DurationInput;
}

const schema = v.strictObject({
  ...sqlSourceEntries,
  connection: connectionSchema,
  schema: v.optional(
    expecting<string>((value) => typeof value === "string" && value !== "", "a schema's name"),
  ),
  timestamps: v.optional(v.picklist(["string", "date"]), "string"),
  json: v.optional(v.picklist(["parse", "string"]), "parse"),
  statementTimeout: v.optional(duration(), 60_000),
  connectTimeout: v.optional(duration(), 10_000),
});

/** Rows that one look for marks passes over, all of it on the server. */
const ROWS_PER_LOOK = 65_536;

/**
 * A source of the rows of a Postgres table, each an object with a property a column; bounded unless
 * `mode` is "incrementing".
 *
 * A split is a range of keys; its position is the key of a row, so a restored job loses and repeats
 * nothing. Throws OPTION_INVALID here and for what the table does not have; CONNECTION_FAILED and
 * DRIVER_MISSING fail the job when it runs.
 */
export function postgresSource<T = RowObject>(options: PostgresSourceOptions<T>): SqlSource<T> {
  const parsed = parseOptions("postgresSource", schema, options);
  const { relation, ...parts } = sqlSourceParts<T>("postgresSource", parsed);
  const { connection, connectTimeout, statementTimeout, timestamps, json } = parsed;
  const table = relation.table ?? "query";
  const qualified = parsed.schema === undefined ? table : `${parsed.schema}.${table}`;
  const name = `${qualified}(${relation.key.join(", ")})`;
  const connecting = { connector: "postgresSource", connection, connectTimeout, statementTimeout };
  const values = { int64: relation.int64, timestamps, json };
  return sqlSource<T>({
    ...parts,
    database: "Postgres",
    access: {
      name,
      rowsPerLook: ROWS_PER_LOOK,
      open: () => openPostgresTable({ connecting, name, schema: parsed.schema, relation, values }),
    },
  });
}
