import { type ErrorCode, HeadwaterError } from "../errors/index.js";

/** Errors that say by themselves what went wrong and what to do: they are not the reader's. */
const PASSED_ON: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "OPERATOR_FAILED",
  "READER_FAILED",
  "SERIALIZER_FAILED",
  "SINK_FAILED",
  "UNSUPPORTED_OPERATION",
]);

/**
 * READER_FAILED for what a reader's method threw. It keeps the cause, and who has to act and whether
 * to retry when the cause says so; an error of the operator itself passes through the reader as it is.
 */
export function readerFailed(subtask: number, doing: string, cause: unknown): HeadwaterError {
  if (cause instanceof HeadwaterError && PASSED_ON.has(cause.code)) return cause;
  const known = cause instanceof HeadwaterError ? cause : undefined;
  return new HeadwaterError("READER_FAILED", `the reader of subtask ${subtask} failed ${doing}`, {
    domain: known?.domain ?? "external",
    retry: known?.retry ?? "backoff",
    scope: known?.scope === "job" ? "job" : "reader",
    cause,
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
  });
}

/** Runs `call`, and says of a HeadwaterError in which subtask it came up. */
export function inSubtask<R>(subtask: number, call: () => R): R {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    const { code, message, domain, retry, scope, cause, hint, suppressed } = error;
    throw new HeadwaterError(code, `in subtask ${subtask}: ${message}`, {
      domain,
      retry,
      scope,
      cause,
      suppressed,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
