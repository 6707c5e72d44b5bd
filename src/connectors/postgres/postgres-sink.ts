import * as v from "valibot";
import type { CommitterContext, Sink, SinkWriterContext } from "../../api/sink.js";
import { optionInvalid } from "../../errors/index.js";
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
import {
  connectionSchema,
  describeConnection,
  type PostgresConnection,
} from "./postgres-connection.js";
import { PostgresBatches } from "./postgres-sink-batches.js";
import { isTransient } from "./postgres-sink-errors.js";
import { PostgresSession } from "./postgres-sink-session.js";
import { MAX_PARAMETERS, openTable, postgresTable } from "./postgres-sink-table.js";
import {
  PostgresCommitter,
  PostgresTransactions,
  type PreparedTransaction,
  preparedTransactionSerializer,
} from "./postgres-sink-transactions.js";
import { postgresText } from "./postgres-sink-values.js";

/** What `postgresSink` takes. */
export interface PostgresSinkOptions<T> extends DatabaseSinkOptions<T> {
  /** `postgres://user:password@host:port/database`, or its parts. */
  readonly connection: PostgresConnection;
  /** Default: where the connection's search path finds the table. */
  readonly schema?: string;
  /**
   * How batches are sent: "copy" (COPY, needs pg-copy-streams) or "insert" (INSERT of many rows).
   * Default "copy" for mode "insert"; "upsert" takes "insert" only.
   */
  readonly method?: "copy" | "insert";
}

const schema = v.strictObject({
  ...databaseSinkEntries,
  connection: connectionSchema,
  schema: databaseSinkEntries.createTable,
  method: v.optional(v.picklist(["copy", "insert"])),
});

/**
 * Writes a row a record into a table of Postgres 10 or later.
 *
 * At-least-once; with `mode: "upsert"` exactly-once in its result; with `delivery: "exactly-once"` by
 * prepared transactions, which the server must allow (max_prepared_transactions). Errors are
 * SINK_FAILED, or DRIVER_MISSING without pg; none shows a password or a value that is not in the key.
 */
export function postgresSink<T>(options: PostgresSinkOptions<T>): Sink<T> {
  const parsed = parseOptions("postgresSink", schema, options);
  const { columns, mode, delivery, connection, prefix } = parsed;
  const key = keyColumns("postgresSink", parsed);
  const { method = mode === "upsert" ? "insert" : "copy" } = parsed;
  if (mode === "upsert" && method === "copy") {
    throw optionInvalid("postgresSink.method", method, '"insert" with mode "upsert"');
  }
  if (mode === "upsert" && delivery === "exactly-once") {
    throw optionInvalid(
      "postgresSink.delivery",
      delivery,
      '"at-least-once" with mode "upsert": rewriting a row changes nothing, and prepared upserts would lock each other out',
    );
  }
  if (columns.length > MAX_PARAMETERS) {
    throw optionInvalid("postgresSink.columns", columns, `at most ${MAX_PARAMETERS} columns`);
  }
  const table = postgresTable({ ...parsed, key, method });
  const maxBatchRows =
    method === "copy"
      ? parsed.maxBatchRows
      : Math.min(parsed.maxBatchRows, Math.floor(MAX_PARAMETERS / columns.length));
  const ownerOf = (context: CommitterContext): string =>
    sinkOwner("postgresSink", table.name, context);

  const open = async <CommT>(
    context: SinkWriterContext,
    applicationName: string,
    targetOf: (
      session: PostgresSession,
      retries: Retries,
    ) => BatchTarget<string | null, CommT> & { open?(): Promise<void> },
  ): Promise<DatabaseSinkWriter<T, string | null, CommT>> => {
    const owner = ownerOf(context);
    const session = new PostgresSession(connection, applicationName, table);
    const retries = new Retries(context.processingTime, parsed.maxRetries, isTransient);
    const target = targetOf(session, retries);
    try {
      const found = await openTable(owner, session, table, parsed.createTable);
      await target.open?.();
      return new DatabaseSinkWriter<T, string | null, CommT>(context, {
        owner,
        columns,
        key,
        mode,
        toRow: options.toRow,
        maxBatchRows,
        encode: (value, column) => postgresText(value, found[column] ?? NO_COLUMN),
        sizeOf: (value) => value?.length ?? 0,
        target,
      });
    } catch (error) {
      await target.close();
      throw error;
    }
  };

  const name = `postgres ${parsed.schema === undefined ? "" : `${parsed.schema}.`}${parsed.table}`;
  if (delivery === "at-least-once") {
    return {
      name,
      createWriter: (context) =>
        open<never>(
          context,
          "headwater",
          (session, retries) => new PostgresBatches(ownerOf(context), session, retries),
        ),
    };
  }
  const exactlyOnce: Sink<T, WriterState, PreparedTransaction> = {
    name,
    writerStateSerializer,
    createWriter(context, restored = []) {
      const transactions = transactionOwner(context.jobName, prefix, table.name);
      const owner = ownerOf(context);
      const own = `headwater:${transactions}:${context.indexOfSubtask}`;
      const release = takeTransactions(owner, `${describeConnection(connection)} ${own}`);
      return open<PreparedTransaction>(
        context,
        own,
        (session) =>
          new PostgresTransactions({
            owner,
            session,
            key: transactions,
            context,
            restored,
            release,
          }),
      );
    },
    committer: {
      serializer: preparedTransactionSerializer,
      create: (context) =>
        new PostgresCommitter(
          ownerOf(context),
          new PostgresSession(connection, "headwater commits", table),
        ),
    },
  };
  // Only its own writers and committers get what they have made.
  return exactlyOnce as Sink<T>;
}

const NO_COLUMN = { name: "", isArray: false };
