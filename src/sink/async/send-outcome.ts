import { describeValue, HeadwaterError } from "../../errors/index.js";
import type { BatchingSettings, SendResult } from "./async-sink-options.js";
import type { Batch } from "./request-buffer.js";
import type { SendErrors } from "./send-error.js";

/** How a call came to its end; `error` when it did not go through. */
export type SendOutcome<Request> =
  | { readonly result: SendResult<Request> }
  | { readonly error: unknown; readonly isTimeout: boolean };

/** What is asked when a batch has not gone through. */
type RetrySettings = Pick<BatchingSettings<never>, "failOnTimeout" | "isFatal" | "retryStrategy">;

/** What of a batch is to be sent again; throws SINK_FAILED when that would be in vain. */
export function requestsToRetry<Request>(
  { requests }: Batch<Request>,
  outcome: SendOutcome<Request>,
  settings: RetrySettings,
  errors: SendErrors,
): readonly Request[] {
  if ("result" in outcome) {
    const { result } = outcome;
    if (result === undefined) return [];
    if (isRetry(result)) return result.retry;
    throw errors.failed(`cannot use what send gave: ${describeValue(result)}`, {
      domain: "user",
      retry: "never",
      hint: "Give nothing when all went through, or { retry } with those that did not; reject when none did.",
    });
  }
  const { error, isTimeout } = outcome;
  if (isTimeout ? !settings.failOnTimeout : !isFatal(error, settings)) return requests;
  throw errors.failed(`could not send a batch of ${requests.length}`, {
    retry: isTimeout ? "backoff" : "never",
    cause: error,
  });
}

/** Milliseconds before a request is sent for the time after `retries`; throws SINK_FAILED when it is not. */
export function retryDelay(
  retries: number,
  outcome: SendOutcome<unknown>,
  { retryStrategy }: RetrySettings,
  errors: SendErrors,
): number {
  const delay = retryStrategy.delayOf(retries);
  if (delay === undefined) {
    throw errors.failed(`gave up a batch: ${retries} times a request of it did not go through`, {
      cause: "error" in outcome ? outcome.error : undefined,
      hint: "Check the service that it writes to, or let retry.strategy try more often.",
    });
  }
  if (delay >= 0 && Number.isFinite(delay)) return delay;
  throw errors.failed(`cannot use retry.strategy ${retryStrategy.name}: it gave delay ${delay}`, {
    domain: "user",
    retry: "never",
    hint: "delayOf has to give milliseconds ≥ 0, or undefined when there is no such retry.",
  });
}

function isRetry<Request>(result: SendResult<Request>): result is { retry: readonly Request[] } {
  return Array.isArray((result as { readonly retry?: unknown } | null | undefined)?.retry);
}

/** Whether the error ends the job. */
export function isFatal(error: unknown, settings: Pick<RetrySettings, "isFatal">): boolean {
  if (settings.isFatal === undefined) {
    return error instanceof HeadwaterError && error.retry === "never";
  }
  try {
    return settings.isFatal(error);
  } catch {
    // The error itself says more than what was made of it.
    return true;
  }
}
