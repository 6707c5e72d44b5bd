import { HeadwaterError, messageOf } from "../../errors/index.js";

/** SQLSTATE classes that say that the statement, not the moment, is wrong. */
const USERS_FAULT = new Set(["0A", "22", "3D", "3F", "42"]);

/** What pg throws, as an error that says where it was and what to do. */
export function postgresError(
  { connector }: { readonly connector: string },
  doing: string,
  cause: unknown,
): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  const state = sqlStateOf(cause);
  const message = `${connector} cannot ${doing}: ${messageOfAll(cause)}`;
  if (state.startsWith("28")) {
    return new HeadwaterError("CONNECTION_FAILED", message, {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Check user and password, and what pg_hba.conf on the server allows.",
      cause,
    });
  }
  // 08P01: other parameters than the statement has.
  if (USERS_FAULT.has(state.slice(0, 2)) || state === "08P01") {
    return new HeadwaterError("OPTION_INVALID", message, {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Check the names, the SQL and the parameters in the options, and the user's rights.",
      cause,
    });
  }
  return new HeadwaterError("CONNECTION_FAILED", message, {
    domain: "external",
    retry: "backoff",
    scope: "reader",
    hint: hintFor(state),
    cause,
  });
}

/** The five characters of an error of the server; empty for one of the network. */
export function sqlStateOf(error: unknown): string {
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown };
  // EPIPE of the system looks like a code of the server.
  if (syscall !== undefined) return "";
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : "";
}

function hintFor(state: string): string {
  if (state === "57014") return "The statement took longer than statementTimeout: raise it.";
  if (state.startsWith("53")) return "The server is short of connections, memory or disk.";
  return "Check that the server runs and can be reached; a restart of the job connects anew.";
}

/** A host with several addresses fails with an error without a message, and one error an address. */
function messageOfAll(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map(messageOfAll).join("; ");
  }
  return messageOf(error);
}
