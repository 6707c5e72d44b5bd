import { stat } from "node:fs/promises";
import type BetterSqlite3 from "better-sqlite3";
import { HeadwaterError, messageOf, peerMissing } from "../../errors/index.js";
import { expecting } from "../../options/expecting.js";

export type SqliteDatabase = BetterSqlite3.Database;

/** Which file is opened, and for whom. */
export interface SqliteOpening {
  /** The function that the user calls, which errors name: such as "sqliteSource". */
  readonly connector: string;
  readonly path: string;
  /** True: the file must exist, and nothing is ever written to it. */
  readonly readonly: boolean;
  /** Milliseconds that one call may block the process for another connection's lock; default 0. */
  readonly busyTimeout?: number;
}

/** The schema of a path. A database in memory is another one for each connection. */
export const databaseFile = expecting<string>(
  (value) =>
    typeof value === "string" && value !== "" && value !== ":memory:" && !value.includes("\0"),
  "the path of a file",
);

type SqliteConstructor = typeof BetterSqlite3;

let loading: Promise<SqliteConstructor> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadSqliteDriver(connector: string): Promise<SqliteConstructor> {
  loading ??= import("better-sqlite3").then(({ default: driver }) => driver);
  return loading.catch((cause: unknown) => {
    loading = undefined;
    throw driverMissing(connector, cause);
  });
}

/**
 * Opens the file. Throws DRIVER_MISSING; FILE_NOT_FOUND for a file that has to exist and does not;
 * FILE_CORRUPT for one that is no database.
 */
export async function openSqlite(opening: SqliteOpening): Promise<SqliteDatabase> {
  const { connector, path, readonly, busyTimeout } = opening;
  const Driver = await loadSqliteDriver(connector);
  if (readonly) await checkFile(opening);
  let database: SqliteDatabase | undefined;
  try {
    database = new Driver(path, { readonly, fileMustExist: readonly, timeout: busyTimeout ?? 0 });
    // Opening reads nothing: this tells whether it is a database.
    database.pragma("schema_version");
    return database;
  } catch (cause) {
    database?.close();
    throw sqliteError(opening, "open the database", cause);
  }
}

/** What better-sqlite3 throws, as an error that says where it was and what to do. */
export function sqliteError(
  { connector, path }: Pick<SqliteOpening, "connector" | "path">,
  doing: string,
  cause: unknown,
): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  const message = `${connector} cannot ${doing} in ${path}: ${messageOf(cause)}`;
  const code = codeOf(cause);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new HeadwaterError("CONNECTION_FAILED", message, {
      domain: "external",
      retry: "backoff",
      scope: "reader",
      hint: "Another connection holds the database's lock. Use WAL mode (PRAGMA journal_mode = WAL), keep transactions short, or raise busyTimeout.",
      cause,
    });
  }
  if (code.startsWith("SQLITE_NOTADB") || code.startsWith("SQLITE_CORRUPT")) {
    return new HeadwaterError("FILE_CORRUPT", message, {
      domain: "external",
      retry: "never",
      scope: "job",
      hint: "Check that the file is a SQLite database: run PRAGMA integrity_check on it.",
      cause,
    });
  }
  if (code.startsWith("SQLITE_CANTOPEN") || code.startsWith("SQLITE_AUTH")) {
    return fileNotFound(message, cause);
  }
  if (code === "SQLITE_ERROR" || code === "SQLITE_RANGE" || !code.startsWith("SQLITE_")) {
    return new HeadwaterError("OPTION_INVALID", message, {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Check the names, the SQL and the parameters in the options.",
      cause,
    });
  }
  return new HeadwaterError("CONNECTION_FAILED", message, {
    domain: "external",
    retry: "backoff",
    scope: "reader",
    hint: "Check the disk and who else uses the file.",
    cause,
  });
}

/** The error for a peer that is not installed. */
export function driverMissing(connector: string, cause: unknown): HeadwaterError {
  return peerMissing(`${connector} needs better-sqlite3 to use SQLite`, "better-sqlite3@12", cause);
}

async function checkFile({ connector, path }: SqliteOpening): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (cause) {
    throw fileNotFound(`${connector} cannot open ${path}: ${messageOf(cause)}`, cause);
  }
  throw fileNotFound(`${connector} cannot open ${path}: it is no file`, undefined);
}

function fileNotFound(message: string, cause: unknown): HeadwaterError {
  return new HeadwaterError("FILE_NOT_FOUND", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: "Check the path, and that this process may read the file.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The `code` of a system error or of SQLite; empty for anything else. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
