/** Every error code there is; docs/ERRORS.md says what each means and what to do. */
export type ErrorCode =
  | "OPTION_INVALID"
  | "JOB_INVALID"
  | "JOB_FILE_FAILED"
  | "DRIVER_MISSING"
  | "ENUMERATOR_FAILED"
  | "READER_FAILED"
  | "FETCHER_FAILED"
  | "SERIALIZER_FAILED"
  | "OPERATOR_FAILED"
  | "SINK_FAILED"
  | "FILE_NOT_FOUND"
  | "FILE_CORRUPT"
  | "FILE_CHANGED"
  | "BAD_RECORD"
  | "CONNECTION_FAILED"
  | "KAFKA_OFFSET_OUT_OF_RANGE"
  | "KAFKA_AUTHENTICATION_FAILED"
  | "KAFKA_REQUEST_FAILED"
  | "CHECKPOINT_NOT_FOUND"
  | "CHECKPOINT_CORRUPT"
  | "CHECKPOINT_VERSION_UNSUPPORTED"
  | "CHECKPOINT_OTHER_JOB"
  | "CHECKPOINT_STATE_UNMATCHED"
  | "CHECKPOINT_STORAGE_FAILED"
  | "CHECKPOINT_ABORTED"
  | "CHECKPOINT_FAILURES_EXCEEDED"
  | "RESTARTS_EXHAUSTED"
  | "JOB_CANCELED"
  | "INJECTED_FAILURE"
  | "MAILBOX_FULL"
  | "DEAD_LETTER"
  | "LIMIT_EXCEEDED"
  | "ILLEGAL_STATE"
  | "ILLEGAL_ARGUMENT"
  | "UNSUPPORTED_OPERATION";

/** Who has to act: the user of the library, somebody outside, or the maintainers. */
export type ErrorDomain = "user" | "external" | "internal";
/** Whether the same thing may succeed when tried again. */
export type ErrorRetry = "never" | "backoff" | "now";
/** What has to fail over. */
export type ErrorScope = "record" | "split" | "reader" | "job";

/** What an error is made of; `hint` tells the user what to do. */
export interface ErrorFacts {
  readonly domain: ErrorDomain;
  readonly retry: ErrorRetry;
  readonly scope: ErrorScope;
  readonly hint?: string;
  readonly cause?: unknown;
  /** Later errors that came while this one was handled (Java's suppressed exceptions). */
  readonly suppressed?: readonly unknown[];
}

/** The one error class of Headwater: a code, who has to act, whether to retry, and what fails over. */
export class HeadwaterError extends Error {
  override readonly name = "HeadwaterError";
  readonly code: ErrorCode;
  readonly domain: ErrorDomain;
  readonly retry: ErrorRetry;
  readonly scope: ErrorScope;
  readonly hint: string | undefined;
  readonly suppressed: readonly unknown[];

  constructor(code: ErrorCode, message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.domain = facts.domain;
    this.retry = facts.retry;
    this.scope = facts.scope;
    this.hint = facts.hint;
    this.suppressed = facts.suppressed ?? [];
  }
}

/** A broken invariant of Headwater or of a connector's code (Java's IllegalStateException). */
export function illegalState(message: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("ILLEGAL_STATE", message, {
    domain: "internal",
    retry: "never",
    scope: "job",
    cause,
  });
}

/** A value that a method cannot take (Java's IllegalArgumentException). */
export function illegalArgument(message: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("ILLEGAL_ARGUMENT", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
  });
}

/** Something this reader, split reader or enumerator cannot do (Java's UnsupportedOperationException). */
export function unsupportedOperation(message: string, hint?: string): HeadwaterError {
  return new HeadwaterError("UNSUPPORTED_OPERATION", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    ...(hint === undefined ? {} : { hint }),
  });
}

/** An option that is unknown or has a wrong value: says the path, the value and what was expected. */
export function optionInvalid(path: string, value: unknown, expected: string): HeadwaterError {
  return new HeadwaterError(
    "OPTION_INVALID",
    `option ${path}: expected ${expected}, got ${describeValue(value)}`,
    { domain: "user", retry: "never", scope: "job" },
  );
}

/** A short, safe description of any value for an error message. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shorten(value));
  if (typeof value === "function") return `a function (${value.name || "anonymous"})`;
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? `an array of ${value.length}` : "an object";
  }
  return String(value);
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Throws an ILLEGAL_STATE error when an invariant does not hold. */
export function checkState(condition: boolean, message: string): asserts condition {
  if (!condition) throw illegalState(message);
}
