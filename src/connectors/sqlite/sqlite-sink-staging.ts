import { deserialize, serialize } from "node:v8";
import * as v from "valibot";
import type { CommitRequest, Committer, SinkWriterContext } from "../../api/sink.js";
import { jsonSerializer } from "../../serde/json-serializer.js";
import type { Batch, BatchTarget } from "../../sql/sink/database-sink-writer.js";
import { isLingering, type WriterState } from "../../sql/sink/lingering.js";
import type { Retries } from "../../sql/sink/retries.js";
import { describeKey, sinkRefused } from "../../sql/sink/sql-sink-error.js";
import type { SqliteDatabase } from "./sqlite-driver.js";
import { isBusy, RowRefused, sqliteFailed } from "./sqlite-sink-errors.js";
import {
  inTransaction,
  openForWriting,
  rowWriter,
  type SqliteRows,
  type SqliteTable,
} from "./sqlite-sink-table.js";
import type { SqliteValue } from "./sqlite-sink-values.js";

/** Rows of one subtask and checkpoint that wait in the staging table. */
export interface StagedTransaction {
  /** Random: another database does not know it. */
  readonly name: string;
}

export const stagedTransactionSerializer = jsonSerializer<StagedTransaction>({
  name: "staged transaction",
  version: 1,
  schema: v.strictObject({ name: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)) }),
});

/** `state` goes from STAGED to COMMITTED in the transaction that moves the rows. */
const TABLES = `
CREATE TABLE IF NOT EXISTS headwater_transactions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  subtask INTEGER NOT NULL,
  columns TEXT NOT NULL,
  state TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS headwater_staged (
  transaction_id INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  rows BLOB NOT NULL,
  PRIMARY KEY (transaction_id, batch)
);`;

/** How many committed transactions of a sink are remembered; a checkpoint older than that is refused. */
const REMEMBERED = 100_000;
/** Older ones are forgotten every so many commits. */
const FORGET_EVERY = 1000;

/** What the staged rows of one attempt are made of. */
export interface SqliteStagingOptions {
  readonly owner: string;
  readonly database: SqliteDatabase;
  readonly table: SqliteTable;
  /** Whose transactions they are, whatever the attempt. */
  readonly key: string;
  readonly context: SinkWriterContext;
  readonly restored: readonly WriterState[];
  readonly retries: Retries;
  release(): void;
}

/**
 * Writes batches into a staging table of the same database; a committer moves them.
 *
 * Owns: the transaction that is being staged. Called by: a sink writer, one call at a time.
 * Invariants: what a checkpoint holds is staged whole, and with `sync` on disk.
 */
export class SqliteStaging implements BatchTarget<SqliteValue, StagedTransaction> {
  readonly state: WriterState;
  readonly #options: SqliteStagingOptions;
  #current: { readonly id: number | bigint; readonly name: string } | undefined;
  #batches = 0;

  constructor(options: SqliteStagingOptions) {
    const { indexOfSubtask, currentParallelism } = options.context;
    this.#options = options;
    this.state = { subtask: indexOfSubtask, parallelism: currentParallelism };
  }

  /** Removes what earlier attempts have left. */
  open(): void {
    const { database, table, key, context, restored } = this.#options;
    // Else an upsert without a unique constraint would be seen at the first commit.
    rowWriter(database, table, table.columns);
    inTransaction(database, () => {
      database.exec(TABLES);
      const staged = database
        .prepare(
          "SELECT id, subtask FROM headwater_transactions WHERE owner = ? AND state = 'STAGED'",
        )
        .all(key) as { id: number; subtask: number }[];
      for (const { id, subtask } of staged) {
        if (!isLingering(subtask, context, restored)) continue;
        database.prepare("DELETE FROM headwater_staged WHERE transaction_id = ?").run(id);
        database.prepare("DELETE FROM headwater_transactions WHERE id = ?").run(id);
      }
    });
  }

  send(batch: Batch<SqliteValue>): void | Promise<void> {
    const { owner, retries } = this.#options;
    const blob = serialize(batch.rows);
    const doing = `stage ${batch.rows.length} rows`;
    try {
      this.#stage(blob);
    } catch (error) {
      if (!isBusy(error)) throw sqliteFailed(owner, doing, error);
      return retries
        .run(() => this.#stage(blob))
        .catch((later: unknown) => {
          throw sqliteFailed(owner, doing, later);
        });
    }
  }

  prepareCommit(): readonly StagedTransaction[] {
    if (this.#current === undefined) return [];
    const { name } = this.#current;
    this.#current = undefined;
    this.#batches = 0;
    return [{ name }];
  }

  close(): void {
    const { retries, database, release } = this.#options;
    retries.close();
    release();
    database.close();
  }

  #stage(blob: Buffer): void {
    const { database } = this.#options;
    const current = inTransaction(database, () => {
      const into = this.#current ?? this.#begin();
      database
        .prepare("INSERT INTO headwater_staged (transaction_id, batch, rows) VALUES (?, ?, ?)")
        .run(into.id, this.#batches, blob);
      return into;
    });
    this.#current = current;
    this.#batches++;
  }

  #begin(): { readonly id: number; readonly name: string } {
    const { database, key, table } = this.#options;
    return database
      .prepare(
        `INSERT INTO headwater_transactions (name, owner, subtask, columns, state)
         VALUES (lower(hex(randomblob(16))), ?, ?, ?, 'STAGED') RETURNING id, name`,
      )
      .get(key, this.state.subtask, JSON.stringify(table.columns)) as { id: number; name: string };
  }
}

interface TransactionRow {
  readonly id: number;
  readonly owner: string;
  readonly subtask: number;
  readonly columns: string;
  readonly state: "STAGED" | "COMMITTED";
}

/** Moves staged rows into the table, each transaction in one of SQLite's, which remembers its name. */
export class SqliteCommitter implements Committer<StagedTransaction> {
  readonly #owner: string;
  readonly #table: SqliteTable;
  #database: SqliteDatabase | undefined;
  #commits = 0;

  constructor(owner: string, table: SqliteTable) {
    this.#owner = owner;
    this.#table = table;
  }

  /** Rejects with SINK_FAILED. */
  async commit(requests: readonly CommitRequest<StagedTransaction>[]): Promise<void> {
    this.#database ??= await openForWriting(this.#table);
    const database = this.#database;
    for (const request of requests) {
      const { name } = request.committable;
      try {
        const outcome = inTransaction(database, () => this.#move(database, name));
        if (outcome === "ALREADY") request.alreadyCommitted();
        else if (outcome === "UNKNOWN") request.failedWithUnknownReason(this.#unknown(name));
      } catch (error) {
        if (!isBusy(error)) throw sqliteFailed(this.#owner, `commit ${name}`, error, asIs);
        request.retryLater();
      }
    }
  }

  close(): void {
    this.#database?.close();
  }

  #move(database: SqliteDatabase, name: string): "MOVED" | "ALREADY" | "UNKNOWN" {
    const known = database
      .prepare("SELECT name FROM sqlite_schema WHERE name = 'headwater_transactions'")
      .get();
    const row = (known &&
      database.prepare("SELECT * FROM headwater_transactions WHERE name = ?").get(name)) as
      | TransactionRow
      | undefined;
    if (row === undefined) return "UNKNOWN";
    if (row.state === "COMMITTED") return "ALREADY";
    const columns = JSON.parse(row.columns) as string[];
    const write = rowWriter(database, this.#table, columns);
    const batchOf = database
      .prepare("SELECT rows FROM headwater_staged WHERE transaction_id = ? AND batch = ?")
      .pluck();
    for (let batch = 0; ; batch++) {
      const blob = batchOf.get(row.id, batch) as Buffer | undefined;
      if (blob === undefined) break;
      this.#write(write, columns, deserialize(blob) as SqliteRows);
    }
    database.prepare("DELETE FROM headwater_staged WHERE transaction_id = ?").run(row.id);
    database
      .prepare("UPDATE headwater_transactions SET state = 'COMMITTED' WHERE id = ?")
      .run(row.id);
    if (this.#commits++ % FORGET_EVERY === 0) forget(database, row);
    return "MOVED";
  }

  #write(write: (rows: SqliteRows) => void, columns: readonly string[], rows: SqliteRows): void {
    try {
      write(rows);
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      const values = rows[error.index] ?? [];
      const which = describeKey(columns, this.#table.key, values) ?? "of a staged batch";
      throw sqliteFailed(this.#owner, "", error, () => which);
    }
  }

  #unknown(name: string): unknown {
    return sinkRefused(
      this.#owner,
      `cannot commit ${name}: ${this.#table.path} does not know the transaction`,
      "It is another file than the checkpoint was taken with, an older copy of it, or the job went on from an earlier checkpoint: restore with the file as it was.",
    );
  }
}

function forget(database: SqliteDatabase, { owner }: TransactionRow): void {
  database
    .prepare(
      `DELETE FROM headwater_transactions WHERE owner = @owner AND state = 'COMMITTED' AND id <= (
         SELECT id FROM headwater_transactions WHERE owner = @owner AND state = 'COMMITTED'
         ORDER BY id DESC LIMIT 1 OFFSET ${REMEMBERED})`,
    )
    .run({ owner });
}

function asIs(index: number): string {
  return String(index);
}
