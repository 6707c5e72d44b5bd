import {
  type ErrorCode,
  type ErrorDomain,
  type ErrorRetry,
  type ErrorScope,
  HeadwaterError,
} from "./headwater-error.js";
import { printable } from "./printable.js";

/** An error as plain data, so that it can cross a mailbox or lie in a journal. */
export interface ErrorInfo {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: ErrorCode;
  readonly domain?: ErrorDomain;
  readonly retry?: ErrorRetry;
  readonly scope?: ErrorScope;
  readonly hint?: string;
  readonly cause?: ErrorInfo;
  readonly suppressed?: readonly ErrorInfo[];
}

/** A chain of causes longer than this is cut: an error must not grow with each failover. */
const MAX_DEPTH = 8;
const MAX_SUPPRESSED = 16;

/** Describes anything that was thrown; never throws itself. */
export function toErrorInfo(thrown: unknown, depth = 0): ErrorInfo {
  if (!(thrown instanceof Error)) return { name: "Error", message: safeString(thrown) };
  const cause = thrown.cause;
  const info: { -readonly [K in keyof ErrorInfo]: ErrorInfo[K] } = {
    name: safeString(thrown.name),
    message: safeString(thrown.message),
  };
  if (typeof thrown.stack === "string") info.stack = thrown.stack;
  if (cause !== undefined && depth < MAX_DEPTH) info.cause = toErrorInfo(cause, depth + 1);
  if (thrown instanceof HeadwaterError) {
    info.code = thrown.code;
    info.domain = thrown.domain;
    info.retry = thrown.retry;
    info.scope = thrown.scope;
    if (thrown.hint !== undefined) info.hint = thrown.hint;
    if (thrown.suppressed.length > 0 && depth < MAX_DEPTH) {
      info.suppressed = thrown.suppressed
        .slice(0, MAX_SUPPRESSED)
        .map((error) => toErrorInfo(error, depth + 1));
    }
  }
  return info;
}

/** The error that an ErrorInfo describes, with its code, hint, causes and original stack. */
export function fromErrorInfo(info: ErrorInfo): Error {
  const cause = info.cause === undefined ? undefined : fromErrorInfo(info.cause);
  const error: Error =
    info.code === undefined
      ? new Error(info.message, cause === undefined ? undefined : { cause })
      : new HeadwaterError(info.code, info.message, {
          domain: info.domain ?? "internal",
          retry: info.retry ?? "never",
          scope: info.scope ?? "job",
          ...(info.hint === undefined ? {} : { hint: info.hint }),
          ...(cause === undefined ? {} : { cause }),
          suppressed: (info.suppressed ?? []).map(fromErrorInfo),
        });
  if (info.code === undefined) error.name = info.name;
  // The stack of this function would say nothing about where it came from.
  if (info.stack === undefined) delete error.stack;
  else error.stack = info.stack;
  return error;
}

/** The innermost cause, which says what went wrong first. */
export function rootCause(error: unknown): unknown {
  let current = error;
  for (let i = 0; i < MAX_DEPTH && current instanceof Error; i++) {
    if (current.cause === undefined || current.cause === null) return current;
    current = current.cause;
  }
  return current;
}

/**
 * A message in one line with the causes behind it and the hint below: what a person reads in a
 * terminal. What could steer the terminal is escaped: a message may have text of a record in it.
 */
export function explain(error: unknown): string {
  const parts: string[] = [];
  let hint: string | undefined;
  let current: unknown = error;
  for (let i = 0; i < MAX_DEPTH && current !== undefined && current !== null; i++) {
    const message =
      current instanceof Error ? safeString(current.message) || current.name : safeString(current);
    if (!parts.some((part) => part.includes(message))) parts.push(message);
    if (current instanceof HeadwaterError) hint ??= current.hint;
    current = current instanceof Error ? current.cause : undefined;
  }
  const message = printable(parts.join(": "));
  return hint === undefined ? message : `${message}\n  ${printable(hint)}`;
}

function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "a value that cannot be shown";
  }
}
