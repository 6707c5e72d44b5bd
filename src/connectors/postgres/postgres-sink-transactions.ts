import * as v from "valibot";
import type { CommitRequest, Committer, SinkWriterContext } from "../../api/sink.js";
import { jsonSerializer } from "../../serde/json-serializer.js";
import type { BatchTarget } from "../../sql/sink/database-sink-writer.js";
import { isLingering, type WriterState } from "../../sql/sink/lingering.js";
import { sinkInterrupted, sinkRefused } from "../../sql/sink/sql-sink-error.js";
import { sqlStateOf } from "./postgres-error.js";
import { refusal } from "./postgres-sink-batches.js";
import { isTransient, statementFailed } from "./postgres-sink-errors.js";
import type { PostgresBatch, PostgresSession } from "./postgres-sink-session.js";

/** A prepared transaction, as a checkpoint holds it. */
export interface PreparedTransaction {
  /** `headwater:<owner>:<subtask>:<id>`. */
  readonly name: string;
  /** The server's id of the transaction (64 bits, in decimal): never used again. */
  readonly id: string;
  /** Which database cluster it is in: elsewhere the id is another transaction's. */
  readonly system: string;
}

const digits = v.pipe(v.string(), v.regex(/^\d+$/));

export const preparedTransactionSerializer = jsonSerializer<PreparedTransaction>({
  name: "prepared transaction",
  version: 1,
  schema: v.strictObject({
    name: v.pipe(v.string(), v.regex(/^headwater:[0-9a-f]+:\d+:\d+$/)),
    id: digits,
    system: digits,
  }),
});

/** SQLSTATEs of a transaction that is not there, and of one that another session is ending. */
const NOT_THERE = "42704";
const BUSY = "55000";
/** How often, 10 ms apart, opening waits for an earlier attempt's sessions to end. */
const MAX_WAITS = 500;

const SYSTEM = "SELECT system_identifier::text AS system FROM pg_control_system()";
/** Earlier attempts of this subtask whose connection has not ended yet. */
const END_EARLIER = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = current_setting('application_name')
    AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()`;
const PREPARED = `SELECT gid, split_part(gid, ':', 3) AS subtask FROM pg_prepared_xacts
  WHERE database = current_database() AND split_part(gid, ':', 1) = 'headwater'
    AND split_part(gid, ':', 2) = $1`;

/** What the transactions of one attempt are made of. */
export interface PostgresTransactionsOptions {
  /** For errors. */
  readonly owner: string;
  readonly session: PostgresSession;
  /** What names of transactions begin with, behind "headwater:". */
  readonly key: string;
  readonly context: SinkWriterContext;
  readonly restored: readonly WriterState[];
  /** Lets another attempt begin. */
  release(): void;
}

/**
 * Writes into one transaction from checkpoint to checkpoint (Flink `XaSinkFunction`'s way), and
 * prepares it for its commit.
 *
 * Owns: the open transaction. Called by: a sink writer, one call at a time.
 * Invariants: a name is never used twice; a prepared transaction is in the next checkpoint's hands.
 */
export class PostgresTransactions implements BatchTarget<string | null, PreparedTransaction> {
  readonly state: WriterState;
  readonly #options: PostgresTransactionsOptions;
  #system = "";
  /** Of the open transaction. */
  #id: string | undefined;

  constructor(options: PostgresTransactionsOptions) {
    const { indexOfSubtask, currentParallelism } = options.context;
    this.#options = options;
    this.state = { subtask: indexOfSubtask, parallelism: currentParallelism };
  }

  /** Ends what earlier attempts have left. Rejects with SINK_FAILED. */
  async open(): Promise<void> {
    const { owner, session } = this.#options;
    try {
      await this.#checkSetting();
      this.#system = await systemOf(session);
      await this.#endEarlierSessions();
      await this.#rollBackLingering();
    } catch (error) {
      throw statementFailed(owner, "begin exactly-once delivery", error);
    }
  }

  async send(batch: PostgresBatch): Promise<void> {
    const { owner, session } = this.#options;
    try {
      if (this.#id === undefined) {
        await session.query("BEGIN");
        const [row] = await session.query<{ id: string }>("SELECT txid_current()::text AS id");
        this.#id = row?.id ?? "";
      }
      await session.write(batch.rows);
    } catch (error) {
      // The transaction is lost with all that came since the last checkpoint.
      await session.query("ROLLBACK").catch(() => {});
      throw await refusal(owner, session, batch, error);
    }
  }

  async prepareCommit(): Promise<readonly PreparedTransaction[]> {
    const { owner, session, key, context } = this.#options;
    const id = this.#id;
    if (id === undefined) return [];
    const name = `headwater:${key}:${context.indexOfSubtask}:${id}`;
    try {
      await session.query(`PREPARE TRANSACTION '${name}'`);
    } catch (error) {
      throw statementFailed(owner, "prepare a transaction", error);
    }
    this.#id = undefined;
    return [{ name, id, system: this.#system }];
  }

  async close(): Promise<void> {
    try {
      await this.#options.session.close();
    } finally {
      this.#options.release();
    }
  }

  async #checkSetting(): Promise<void> {
    const { owner, session } = this.#options;
    const [row] = await session.query<{ max: string }>(
      "SELECT current_setting('max_prepared_transactions') AS max",
    );
    if (row?.max !== "0") return;
    throw sinkRefused(
      owner,
      "cannot deliver exactly once: the server's max_prepared_transactions is 0",
      'Set max_prepared_transactions to twice the subtasks or more and restart the server; or use mode "upsert" with a key.',
    );
  }

  /** What an earlier attempt has sent might else be prepared after we have looked. */
  async #endEarlierSessions(): Promise<void> {
    const { owner, session } = this.#options;
    for (let waits = 0; waits < MAX_WAITS; waits++) {
      const ended = await session.query(END_EARLIER);
      if (ended.length === 0) return;
      await session.query("SELECT pg_sleep(0.01)");
    }
    throw sinkInterrupted(owner, "waits in vain for an earlier attempt's session to end");
  }

  async #rollBackLingering(): Promise<void> {
    const { session, key, context, restored } = this.#options;
    const all = await session.query<{ gid: string; subtask: string }>(PREPARED, [key]);
    for (const { gid, subtask } of all) {
      if (isLingering(Number(subtask), context, restored)) await this.#rollBack(gid);
    }
  }

  async #rollBack(name: string): Promise<void> {
    const { session } = this.#options;
    for (let waits = 0; ; waits++) {
      try {
        await session.query(`ROLLBACK PREPARED '${name.replaceAll("'", "''")}'`);
        return;
      } catch (error) {
        if (sqlStateOf(error) === NOT_THERE) return;
        if (sqlStateOf(error) !== BUSY || waits >= MAX_WAITS) throw error;
        await session.query("SELECT pg_sleep(0.01)");
      }
    }
  }
}

/**
 * Commits prepared transactions; one that was committed before stays so.
 *
 * A name that is not there is never taken for committed: the server knows what became of the id.
 */
export class PostgresCommitter implements Committer<PreparedTransaction> {
  readonly #owner: string;
  readonly #session: PostgresSession;

  constructor(owner: string, session: PostgresSession) {
    this.#owner = owner;
    this.#session = session;
  }

  /** Rejects with SINK_FAILED. */
  async commit(requests: readonly CommitRequest<PreparedTransaction>[]): Promise<void> {
    let broken = false;
    for (const request of requests) {
      try {
        if (broken) request.retryLater();
        else await this.#commit(request);
      } catch (error) {
        if (!isTransient(error)) {
          throw statementFailed(this.#owner, `commit ${request.committable.name}`, error);
        }
        // What became of it is asked on a new connection.
        broken = true;
        await this.#session.drop();
        request.retryLater();
      }
    }
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #commit(request: CommitRequest<PreparedTransaction>): Promise<void> {
    const { name, id, system } = request.committable;
    if ((await systemOf(this.#session)) !== system) {
      request.failedWithUnknownReason(
        this.#lost(name, "is in another database cluster than this connection's"),
      );
      return;
    }
    try {
      await this.#session.query(`COMMIT PREPARED '${name}'`);
    } catch (error) {
      if (sqlStateOf(error) === BUSY) request.retryLater();
      else if (sqlStateOf(error) === NOT_THERE) await this.#ask(request, name, id);
      else throw error;
    }
  }

  async #ask(request: CommitRequest<PreparedTransaction>, name: string, id: string): Promise<void> {
    const [row] = await this.#session.query<{ status: string | null }>(
      "SELECT txid_status($1::bigint) AS status",
      [id],
    );
    const status = row?.status ?? null;
    if (status === "committed") request.alreadyCommitted();
    else if (status === "in progress") request.retryLater();
    else {
      const what =
        status === "aborted"
          ? "has been rolled back"
          : "is not there, and is so old that the server no longer knows whether it was committed";
      request.failedWithUnknownReason(this.#lost(name, what));
    }
  }

  #lost(name: string, what: string): unknown {
    return sinkRefused(
      this.#owner,
      `cannot commit ${name}: the transaction ${what}`,
      "Its rows are in no other place: restore an earlier checkpoint, or connect to the server that the checkpoint was taken with.",
    );
  }
}

async function systemOf(session: PostgresSession): Promise<string> {
  const [row] = await session.query<{ system: string }>(SYSTEM);
  return row?.system ?? "";
}
