import type { Batch, BatchTarget } from "../../sql/sink/database-sink-writer.js";
import type { Retries } from "../../sql/sink/retries.js";
import type { SqliteDatabase } from "./sqlite-driver.js";
import { isBusy, sqliteFailed } from "./sqlite-sink-errors.js";
import {
  inTransaction,
  rowWriter,
  type SqliteRows,
  type SqliteTable,
} from "./sqlite-sink-table.js";
import type { SqliteValue } from "./sqlite-sink-values.js";

/** Writes each batch in a transaction of its own; while another holds the lock, again later. */
export class SqliteBatches implements BatchTarget<SqliteValue, never> {
  readonly #owner: string;
  readonly #database: SqliteDatabase;
  readonly #retries: Retries;
  readonly #write: (rows: SqliteRows) => void;

  constructor(owner: string, database: SqliteDatabase, table: SqliteTable, retries: Retries) {
    this.#owner = owner;
    this.#database = database;
    this.#retries = retries;
    this.#write = rowWriter(database, table, table.columns);
  }

  send(batch: Batch<SqliteValue>): void | Promise<void> {
    const { rows } = batch;
    const attempt = (): void => inTransaction(this.#database, () => this.#write(rows));
    try {
      attempt();
    } catch (error) {
      if (!isBusy(error)) throw this.#failed(error, batch);
      return this.#retries.run(attempt).catch((later: unknown) => {
        throw this.#failed(later, batch);
      });
    }
  }

  close(): void {
    this.#retries.close();
    this.#database.close();
  }

  #failed(error: unknown, { rows, describe }: Batch<SqliteValue>): unknown {
    return sqliteFailed(this.#owner, `write ${rows.length} rows`, error, describe);
  }
}
