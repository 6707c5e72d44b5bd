import type { Client, ClientConfig } from "pg";
import { type HeadwaterError, peerMissing } from "../../errors/index.js";
import type { PostgresConnection } from "./postgres-connection.js";
import { describeConnection } from "./postgres-connection.js";
import { postgresError } from "./postgres-error.js";

/** What the connectors take from pg: only what it exports. */
export type PostgresDriver = Pick<typeof import("pg"), "Client" | "types">;
export type PostgresClient = Client;

/** One connection, and for whom. */
export interface PostgresConnecting {
  /** The function that the user calls, which errors name: such as "postgresSource". */
  readonly connector: string;
  readonly connection: PostgresConnection;
  /** Milliseconds until a connection must stand; default 10 s. */
  readonly connectTimeout?: number;
  /** Milliseconds after which the server ends a statement; 0 or absent: never. */
  readonly statementTimeout?: number;
  /** What pg_stat_activity shows; default "headwater". */
  readonly applicationName?: string;
  /** How values come out; default pg's own way. */
  readonly types?: ClientConfig["types"];
}

let loading: Promise<PostgresDriver> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadPostgresDriver(connector: string): Promise<PostgresDriver> {
  loading ??= import("pg").then(({ default: driver }) => driver);
  return loading.catch((cause: unknown) => {
    loading = undefined;
    throw driverMissing(connector, cause);
  });
}

/**
 * Connects; the caller ends the client. A connection that breaks later fails the next query, not the
 * process. Throws DRIVER_MISSING, or CONNECTION_FAILED, which never shows a password.
 */
export async function connectPostgres(connecting: PostgresConnecting): Promise<PostgresClient> {
  const { connector, connection, connectTimeout = 10_000, statementTimeout = 0 } = connecting;
  const { Client } = await loadPostgresDriver(connector);
  const client = new Client({
    ...(typeof connection === "string" ? { connectionString: connection } : connection),
    application_name: connecting.applicationName ?? "headwater",
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    ...(statementTimeout === 0 ? {} : { statement_timeout: statementTimeout }),
    ...(connecting.types === undefined ? {} : { types: connecting.types }),
  });
  // Without a listener an idle connection that breaks would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    return client;
  } catch (cause) {
    void client.end().catch(() => {});
    throw postgresError(connecting, `connect to ${describeConnection(connection)}`, cause);
  }
}

/** The error for a peer that is not installed. */
export function driverMissing(connector: string, cause: unknown): HeadwaterError {
  return peerMissing(`${connector} needs pg to use Postgres`, "pg@8", cause);
}
