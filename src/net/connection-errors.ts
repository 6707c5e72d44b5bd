import { HeadwaterError } from "../errors/index.js";

/** `host:port`, as a person writes it. */
export function addressOf(target: { readonly host: string; readonly port: number }): string {
  const { host, port } = target;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** No connection in `tries` tries in a row. */
export function cannotConnect(address: string, tries: number, cause: unknown): HeadwaterError {
  const often = tries === 1 ? "" : ` in ${tries} tries`;
  return connectionFailed(
    `cannot connect to ${address}${often}`,
    "Check host and port, and that a server listens there; maxRetries says how often it is tried again.",
    cause,
  );
}

/** The connection has ended, and no other is to be tried; without a cause the peer has closed it. */
export function brokenConnection(address: string, cause: unknown): HeadwaterError {
  const what =
    cause === undefined
      ? `${address} has closed the connection`
      : `the connection to ${address} broke`;
  return connectionFailed(
    what,
    "With maxRetries above 0 the connection is made again; what was on its way is lost.",
    cause,
  );
}

/** The kernel has not taken everything in time. */
export function flushTimedOut(address: string, timeout: number, bytes: number): HeadwaterError {
  return connectionFailed(
    `${address} has not taken ${bytes} bytes within ${timeout} ms`,
    "The receiver is too slow, or gone: raise flushTimeout, or look why it does not read.",
    undefined,
  );
}

function connectionFailed(message: string, hint: string, cause: unknown): HeadwaterError {
  return new HeadwaterError("CONNECTION_FAILED", message, {
    domain: "external",
    retry: "backoff",
    scope: "reader",
    hint,
    ...(cause === undefined ? {} : { cause: readable(cause) }),
  });
}

/** A host with several addresses fails with an error without a message, and one error an address. */
function readable(cause: unknown): unknown {
  if (!(cause instanceof AggregateError) || cause.message !== "") return cause;
  const messages = cause.errors.map((error) => String((error as Error).message ?? error));
  return new Error(messages.join("; "), { cause });
}
