import type { Logger, LogLevel } from "../api/logger.js";
import { type ErrorInfo, toErrorInfo } from "../errors/index.js";
import { redactFields, redactText } from "./redact.js";

/** Splits that a line names; it counts all of them. */
const NAMED_SPLITS = 20;
/** Causes that a line tells. */
const MAX_CAUSES = 8;

/**
 * Writes lines about a job's life to a logger, secrets left out; undefined where nobody listens, so
 * that nothing is made for it. Never throws.
 */
export class JobLog {
  readonly #logger: Logger;
  readonly #fields: object;

  constructor(logger: Logger, fields: object) {
    this.#logger = logger;
    this.#fields = fields;
  }

  /** The same with further fields in each line. */
  child(fields: object): JobLog {
    return new JobLog(this.#logger, { ...this.#fields, ...fields });
  }

  write(level: LogLevel, message: string, fields: object = {}): void {
    try {
      this.#logger[level](redactFields({ ...this.#fields, ...fields }), message);
    } catch {
      // A logger that fails must not fail the job.
    }
  }
}

/** An error as fields of a line: what it is, what to do, and the causes behind it. */
export function errorFields(error: unknown): object {
  const info = isErrorInfo(error) ? error : toErrorInfo(error);
  const causes: string[] = [];
  for (let cause = info.cause; cause !== undefined; cause = cause.cause) {
    if (causes.length === MAX_CAUSES) break;
    causes.push(cause.message);
  }
  const { name, code, message, domain, retry, scope, hint, stack } = info;
  return {
    type: name,
    message,
    ...(code === undefined ? {} : { code, domain, retry, scope }),
    ...(hint === undefined ? {} : { hint }),
    ...(causes.length === 0 ? {} : { causes }),
    // Of what nobody has expected, where it happened is what matters.
    ...(stack === undefined || domain === "user" || domain === "external"
      ? {}
      : { stack: redactText(stack) }),
  };
}

/** How many splits, and which at most. */
export function splitFields(splitIds: readonly string[]): object {
  return { count: splitIds.length, splits: splitIds.slice(0, NAMED_SPLITS) };
}

function isErrorInfo(error: unknown): error is ErrorInfo {
  return (
    typeof error === "object" &&
    error !== null &&
    !(error instanceof Error) &&
    typeof (error as ErrorInfo).message === "string"
  );
}
