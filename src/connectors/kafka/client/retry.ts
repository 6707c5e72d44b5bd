import { HeadwaterError } from "../../../errors/index.js";
import type { KafkaDriver } from "./kafkajs-driver.js";

/** How often, and with which pauses in milliseconds. */
export interface RetryPolicy {
  readonly retries: number;
  readonly initialRetryTime: number;
  readonly maxRetryTime: number;
}

/** An attempt's answer that is worth another attempt; after the last one it is the answer. */
export class RetryLater<T> extends Error {
  readonly answer: T;

  constructor(answer: T) {
    super("an answer that may be another one soon");
    this.answer = answer;
  }
}

/** Pauses vary by so much, so that clients do not come back all at once. */
const JITTER = 0.2;

/**
 * Tries something again while it fails for reasons that pass: RetryLater, and errors with retry
 * `backoff`. Everything else is thrown at once.
 */
export class Retry {
  readonly #retrier: ReturnType<KafkaDriver["createRetry"]>;

  constructor(driver: KafkaDriver, policy: RetryPolicy) {
    this.#retrier = driver.createRetry({ ...policy, multiplier: 2, factor: JITTER });
  }

  async run<T>(attempt: (count: number) => Promise<T>): Promise<T> {
    let last: unknown;
    const outcome = await this.#retrier(
      async (_, count): Promise<{ readonly value: T } | "failed"> => {
        try {
          return { value: await attempt(count) };
        } catch (error) {
          last = error;
          if (mayPass(error)) throw new Error("again");
          return "failed";
        }
      },
    ).catch(() => "failed" as const);
    if (outcome !== "failed") return outcome.value;
    if (last instanceof RetryLater) return last.answer;
    throw last;
  }
}

function mayPass(error: unknown): boolean {
  return (
    error instanceof RetryLater || (error instanceof HeadwaterError && error.retry === "backoff")
  );
}
