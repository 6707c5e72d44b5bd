import type { BatchTarget } from "../../sql/sink/database-sink-writer.js";
import type { Retries } from "../../sql/sink/retries.js";
import { sqlStateOf } from "./postgres-error.js";
import { copyRow, isRowRefused, rowRefused, statementFailed } from "./postgres-sink-errors.js";
import type { PostgresBatch, PostgresSession } from "./postgres-sink-session.js";

/** SQLSTATE of an upsert that meets a row twice: keys that differ here and are equal in the database. */
const ROW_TWICE = "21000";

/** Writes each batch in a transaction of its own; one that was lost for a moment is written again. */
export class PostgresBatches implements BatchTarget<string | null, never> {
  readonly #owner: string;
  readonly #session: PostgresSession;
  readonly #retries: Retries;

  constructor(owner: string, session: PostgresSession, retries: Retries) {
    this.#owner = owner;
    this.#session = session;
    this.#retries = retries;
  }

  async send(batch: PostgresBatch): Promise<void> {
    try {
      await this.#retries.run(() => this.#write(batch));
    } catch (error) {
      throw await refusal(this.#owner, this.#session, batch, error);
    }
  }

  async close(): Promise<void> {
    this.#retries.close();
    await this.#session.close();
  }

  async #write({ rows }: PostgresBatch): Promise<void> {
    try {
      await this.#session.write(rows).catch((error: unknown) => {
        if (sqlStateOf(error) !== ROW_TWICE) throw error;
        return this.#session.writeSingly(rows);
      });
    } catch (error) {
      // A refused row leaves the connection as it was; after anything else a new one is safe.
      if (!isRowRefused(error)) await this.#session.drop();
      throw error;
    }
  }
}

/** What the failure of a batch means; looks for the row, when the server did not say which. */
export async function refusal(
  owner: string,
  session: PostgresSession,
  batch: PostgresBatch,
  error: unknown,
): Promise<unknown> {
  if (!isRowRefused(error)) {
    return statementFailed(owner, `write ${batch.rows.length} rows`, error);
  }
  let row = copyRow(error);
  if (row === undefined && batch.rows.length === 1) row = 0;
  row ??= await session.findRefused(batch.rows).catch(() => undefined);
  return rowRefused(owner, error, row, batch);
}
