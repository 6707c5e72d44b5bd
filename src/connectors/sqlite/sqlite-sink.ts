import { resolve } from "node:path";
import * as v from "valibot";
import type { CommitterContext, Sink, SinkWriterContext } from "../../api/sink.js";
import { parseOptions } from "../../options/parse-options.js";
import {
  type DatabaseSinkOptions,
  databaseSinkEntries,
  keyColumns,
} from "../../sql/sink/database-sink-options.js";
import { type BatchTarget, DatabaseSinkWriter } from "../../sql/sink/database-sink-writer.js";
import {
  takeTransactions,
  transactionOwner,
  type WriterState,
  writerStateSerializer,
} from "../../sql/sink/lingering.js";
import { Retries } from "../../sql/sink/retries.js";
import { sinkOwner } from "../../sql/sink/sql-sink-error.js";
import { databaseFile, type SqliteDatabase } from "./sqlite-driver.js";
import { SqliteBatches } from "./sqlite-sink-batches.js";
import { isBusy, sqliteFailed } from "./sqlite-sink-errors.js";
import {
  SqliteCommitter,
  SqliteStaging,
  type StagedTransaction,
  stagedTransactionSerializer,
} from "./sqlite-sink-staging.js";
import { checkTable, openForWriting, type SqliteTable } from "./sqlite-sink-table.js";
import { type SqliteValue, sqliteSize, sqliteValue } from "./sqlite-sink-values.js";

/** What `sqliteSink` takes. */
export interface SqliteSinkOptions<T> extends DatabaseSinkOptions<T> {
  /** The database's file; created when it is not there. */
  readonly path: string;
  /** Whether a transaction waits until the disk has it; default true. */
  readonly sync?: boolean;
}

const schema = v.strictObject({
  ...databaseSinkEntries,
  path: databaseFile,
  sync: v.optional(v.boolean(), true),
});

/** What makes the target of a writer whose table is open. */
type TargetOf<CommT> = (
  database: SqliteDatabase,
  retries: Retries,
) => BatchTarget<SqliteValue, CommT>;

/**
 * Writes a row a record into a table of a SQLite file.
 *
 * At-least-once; with `mode: "upsert"` exactly-once in its result; with `delivery: "exactly-once"`
 * rows wait in a staging table of the same file until their checkpoint is durable. Errors are
 * SINK_FAILED, or those of opening the file; none shows a value that is not in the key.
 */
export function sqliteSink<T>(options: SqliteSinkOptions<T>): Sink<T> {
  const parsed = parseOptions("sqliteSink", schema, options);
  const { path, sync, columns, mode, delivery, prefix, maxBatchRows } = parsed;
  const key = keyColumns("sqliteSink", parsed);
  const table: SqliteTable = { path, sync, name: parsed.table, columns, key, mode };
  const ownerOf = (context: CommitterContext): string =>
    sinkOwner("sqliteSink", `${parsed.table} in ${path}`, context);

  const open = async <CommT>(
    context: SinkWriterContext,
    targetOf: TargetOf<CommT>,
  ): Promise<DatabaseSinkWriter<T, SqliteValue, CommT>> => {
    const owner = ownerOf(context);
    const retries = new Retries(context.processingTime, parsed.maxRetries, isBusy);
    const database = await retries.run(() => openForWriting(table));
    try {
      const target = await retries.run(() => {
        checkTable(owner, database, table, parsed.createTable);
        return targetOf(database, retries);
      });
      return new DatabaseSinkWriter<T, SqliteValue, CommT>(context, {
        owner,
        columns,
        key,
        mode,
        toRow: options.toRow,
        maxBatchRows,
        encode: sqliteValue,
        sizeOf: sqliteSize,
        target,
      });
    } catch (error) {
      database.close();
      throw sqliteFailed(owner, "open the table", error);
    }
  };

  const name = `sqlite ${path} ${parsed.table}`;
  if (delivery === "at-least-once") {
    return {
      name,
      createWriter: (context) =>
        open<never>(
          context,
          (database, retries) => new SqliteBatches(ownerOf(context), database, table, retries),
        ),
    };
  }
  const exactlyOnce: Sink<T, WriterState, StagedTransaction> = {
    name,
    writerStateSerializer,
    async createWriter(context, restored = []) {
      const owner = ownerOf(context);
      const transactions = transactionOwner(context.jobName, prefix, parsed.table);
      const release = takeTransactions(
        owner,
        `${resolve(path)} ${transactions} ${context.indexOfSubtask}`,
      );
      try {
        return await open<StagedTransaction>(context, (database, retries) => {
          const parts = { owner, database, table, key: transactions, context, restored };
          const staging = new SqliteStaging({ ...parts, retries, release });
          staging.open();
          return staging;
        });
      } catch (error) {
        release();
        throw error;
      }
    },
    committer: {
      serializer: stagedTransactionSerializer,
      create: (context) => new SqliteCommitter(ownerOf(context), table),
    },
  };
  // Only its own writers and committers get what they have made.
  return exactlyOnce as Sink<T>;
}
