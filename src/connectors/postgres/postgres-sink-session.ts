import { quoteIdentifier } from "../../sql/identifier.js";
import type { Batch } from "../../sql/sink/database-sink-writer.js";
import type { PostgresConnection } from "./postgres-connection.js";
import { connectPostgres, type PostgresClient } from "./postgres-driver.js";
import { loadPostgresCopy } from "./postgres-sink-copy.js";
import { copyText } from "./postgres-sink-values.js";

/** Which table rows go to, and how. */
export interface PostgresTable {
  /** Quoted, with its schema when there is one. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly method: "copy" | "insert";
  /** What follows the values of an INSERT: an ON CONFLICT clause, or nothing. */
  readonly onConflict: string;
}

type Rows = readonly (readonly (string | null)[])[];

/**
 * A connection that is made when it is needed, and again after it was dropped.
 *
 * Called by: a writer or a committer, one call at a time; `close` at any time.
 */
export class PostgresSession {
  readonly #connection: PostgresConnection;
  readonly #applicationName: string;
  readonly #table: PostgresTable;
  #client: PostgresClient | undefined;
  #closed = false;

  constructor(connection: PostgresConnection, applicationName: string, table: PostgresTable) {
    this.#connection = connection;
    this.#applicationName = applicationName;
    this.#table = table;
  }

  async query<R>(sql: string, values?: readonly unknown[]): Promise<readonly R[]> {
    const client = await this.#connected();
    const { rows } = await client.query(sql, values === undefined ? undefined : [...values]);
    return rows as R[];
  }

  /** Writes rows in one statement, all or none. */
  async write(rows: Rows): Promise<void> {
    if (this.#table.method === "copy") await this.#copy(rows);
    else await this.#insert(rows);
  }

  /** The first of the rows that cannot be inserted by itself; in a transaction that is rolled back. */
  async findRefused(rows: Rows): Promise<number | undefined> {
    await this.query("BEGIN");
    try {
      for (let i = 0; i < rows.length; i++) {
        try {
          await this.#insert(rows.slice(i, i + 1));
        } catch {
          return i;
        }
      }
      return undefined;
    } finally {
      await this.query("ROLLBACK");
    }
  }

  /** Writes rows one after the other, all or none. */
  async writeSingly(rows: Rows): Promise<void> {
    await this.query("BEGIN");
    try {
      for (const row of rows) await this.#insert([row]);
      await this.query("COMMIT");
    } catch (error) {
      // Else the next statement would be refused as one of a failed transaction.
      await this.query("ROLLBACK").catch(() => this.drop());
      throw error;
    }
  }

  /** The next call makes a new connection; what this one had not committed is rolled back. */
  async drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.drop();
  }

  async #connected(): Promise<PostgresClient> {
    if (this.#client !== undefined) return this.#client;
    const client = await connectPostgres({
      connector: "postgresSink",
      connection: this.#connection,
      applicationName: this.#applicationName,
    });
    if (this.#closed) {
      await client.end();
      throw new Error("the sink has been closed");
    }
    this.#client = client;
    return client;
  }

  async #insert(rows: Rows): Promise<void> {
    const client = await this.#connected();
    const { name, columns, onConflict } = this.#table;
    const text = `INSERT INTO ${name} (${columns.map(quoteIdentifier).join(", ")}) VALUES ${places(rows.length, columns.length)}${onConflict}`;
    await client.query(text, rows.flat());
  }

  async #copy(rows: Rows): Promise<void> {
    const copyFrom = await loadPostgresCopy();
    const client = await this.#connected();
    const { name, columns } = this.#table;
    const stream = client.query(
      copyFrom(`COPY ${name} (${columns.map(quoteIdentifier).join(", ")}) FROM STDIN`),
    );
    await new Promise<void>((resolve, reject) => {
      stream.on("finish", resolve);
      stream.on("error", reject);
      stream.end(Buffer.from(copyText(rows)));
    });
  }
}

/** `($1,$2),($3,$4)`; the last size is kept: batches are of one size. */
function places(rows: number, columns: number): string {
  const size = `${rows} ${columns}`;
  if (lastPlaces.size !== size) {
    const row = (i: number): string =>
      `(${Array.from({ length: columns }, (_, j) => `$${i * columns + j + 1}`).join(",")})`;
    lastPlaces = { size, text: Array.from({ length: rows }, (_, i) => row(i)).join(",") };
  }
  return lastPlaces.text;
}

let lastPlaces = { size: "", text: "" };

/** The batch as the session writes it. */
export type PostgresBatch = Batch<string | null>;
