import * as v from "valibot";
import type { DurationInput } from "../../api/watermark.js";
import { optionInvalid } from "../../errors/index.js";
import { expecting } from "../../options/expecting.js";
import { duration } from "../../options/parse-options.js";

/** Where a socket connector connects to, and how often it tries. */
export interface SocketOptions {
  readonly host: string;
  /** From 1 to 65535. */
  readonly port: number;
  /** Retries in a row without a byte between them; default 0, -1: no limit. */
  readonly maxRetries?: number;
  /** Before the first retry; doubles with each one in a row; default 500 ms. */
  readonly retryDelay?: DurationInput;
  /** What the delay grows to; default 30 s. */
  readonly maxRetryDelay?: DurationInput;
  /** Default 10 s. */
  readonly connectTimeout?: DurationInput;
}

const isWhole = (value: unknown, from: number, to: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to;

/** The entries of the schema of `SocketOptions`. */
export const socketEntries = {
  host: expecting<string>((value) => typeof value === "string" && value !== "", "a host"),
  port: expecting<number>((value) => isWhole(value, 1, 65_535), "a port from 1 to 65535"),
  maxRetries: v.optional(
    expecting<number>(
      (value) => isWhole(value, -1, Number.MAX_SAFE_INTEGER),
      "a whole number ≥ 0, or -1 for no limit",
    ),
    0,
  ),
  retryDelay: v.optional(duration(), 500),
  maxRetryDelay: v.optional(duration(), 30_000),
  connectTimeout: v.optional(duration(), 10_000),
};

/** Throws OPTION_INVALID when the delay could only shrink. */
export function checkDelays(
  name: string,
  options: { readonly retryDelay: number; readonly maxRetryDelay: number },
): void {
  const { retryDelay, maxRetryDelay } = options;
  if (maxRetryDelay < retryDelay) {
    throw optionInvalid(`${name}.maxRetryDelay`, maxRetryDelay, `at least the retryDelay`);
  }
}
