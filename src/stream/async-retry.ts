import * as v from "valibot";
import type { DurationInput } from "../api/watermark.js";
import { duration, parseOptions, wholeNumber } from "../options/parse-options.js";

/** How often and after which delays a call is tried again (Flink `AsyncRetryStrategy`); immutable. */
export interface AsyncRetryStrategy {
  readonly name: string;
  /** Milliseconds before the retry with this number, from 1; undefined: no such retry. */
  delayOf(retry: number): number | undefined;
}

export interface FixedDelayRetryOptions {
  /** Retries after the first attempt. */
  readonly attempts: number;
  readonly delay: DurationInput;
}

const FixedDelaySchema = v.strictObject({ attempts: wholeNumber(1), delay: duration() });

/** Tries again a number of times, each after the same delay (Flink `FixedDelayRetryStrategy`). */
export function fixedDelayRetry(options: FixedDelayRetryOptions): AsyncRetryStrategy {
  const { attempts, delay } = parseOptions("fixedDelayRetry", FixedDelaySchema, options);
  return { name: "fixed-delay", delayOf: (retry) => (retry <= attempts ? delay : undefined) };
}

export interface ExponentialBackoffRetryOptions {
  /** Retries after the first attempt. */
  readonly attempts: number;
  /** Before the first retry. */
  readonly delay: DurationInput;
  readonly maxDelay: DurationInput;
  /** By how much the delay grows from one retry to the next; default 2. */
  readonly multiplier?: number;
}

const ExponentialBackoffSchema = v.strictObject({
  attempts: wholeNumber(1),
  delay: duration(),
  maxDelay: duration(),
  multiplier: v.optional(
    v.pipe(
      v.number(),
      v.check((n) => Number.isFinite(n) && n >= 1, "a number ≥ 1"),
    ),
    2,
  ),
});

/** Tries again a number of times, after growing delays (Flink `ExponentialBackoffDelayRetryStrategy`). */
export function exponentialBackoffRetry(
  options: ExponentialBackoffRetryOptions,
): AsyncRetryStrategy {
  const parsed = parseOptions("exponentialBackoffRetry", ExponentialBackoffSchema, options);
  const { attempts, delay, maxDelay, multiplier } = parsed;
  return {
    name: "exponential-backoff",
    delayOf: (retry) =>
      retry <= attempts ? Math.min(delay * multiplier ** (retry - 1), maxDelay) : undefined,
  };
}
