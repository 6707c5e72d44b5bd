import type { ProcessingTimeService } from "../../../mailbox/ports.js";
import { mayRetry, requestRefused, timedOut } from "./producer-errors.js";

const LONGEST_DELAY = 1000;

/** A writer's start is given up after so many milliseconds: the job says why, and starts it again. */
export const START_TIMEOUT = 15_000;

/** How requests are repeated. */
export interface RetriesOptions {
  readonly owner: string;
  readonly processingTime: ProcessingTimeService;
  /** Milliseconds before the second try; it doubles up to a second. */
  readonly firstDelay: number;
  /** Milliseconds after which there is no further try. */
  readonly limit: number;
}

/**
 * Sends requests again that may go well later.
 *
 * Owns: the delays under way. Called by: a writer and its producer.
 * Invariants: every call ends: within `limit`, or by `close`.
 */
export class Retries {
  readonly #options: RetriesOptions;
  /** What ends each wait. */
  readonly #waiting = new Set<(error?: unknown) => void>();
  #closed = false;

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  /** Milliseconds before try number `tries` + 1. */
  delay(tries: number): number {
    return Math.min(LONGEST_DELAY, this.#options.firstDelay * 2 ** Math.min(tries - 1, 20));
  }

  /** `what`: such as "look up topic orders". Rejects with SINK_FAILED. */
  async run<R>(
    what: string,
    call: () => Promise<R>,
    longest: number = this.#options.limit,
  ): Promise<R> {
    const { owner, processingTime } = this.#options;
    const limit = Math.min(longest, this.#options.limit);
    const start = processingTime.relativeTime();
    let last: unknown;
    for (let tries = 1; ; tries++) {
      const left = limit - (processingTime.relativeTime() - start);
      if (left <= 0) throw timedOut(owner, what, limit, last);
      try {
        return await this.#within(left, call());
      } catch (error) {
        if (this.#closed) throw closed(owner);
        if (error === OUT_OF_TIME) throw timedOut(owner, what, limit, last);
        if (!mayRetry(error)) throw requestRefused(owner, what, error);
        last = error;
      }
      await this.wait(this.delay(tries));
    }
  }

  /** Resolves after so many milliseconds; rejects at `close`. */
  wait(delay: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closed(this.#options.owner));
        return;
      }
      const end = (error?: unknown): void => {
        this.#waiting.delete(end);
        cancel();
        if (error === undefined) resolve();
        else reject(error);
      };
      const cancel = this.#options.processingTime.registerTimer(delay, () => end());
      this.#waiting.add(end);
    });
  }

  close(): void {
    this.#closed = true;
    for (const end of [...this.#waiting]) end(closed(this.#options.owner));
  }

  #within<R>(limit: number, promise: Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      const end = (error?: unknown): void => {
        cancel();
        this.#waiting.delete(end);
        reject(error);
      };
      const cancel = this.#options.processingTime.registerTimer(limit, () => end(OUT_OF_TIME));
      this.#waiting.add(end);
      promise.then((result) => {
        cancel();
        this.#waiting.delete(end);
        resolve(result);
      }, end);
    });
  }
}

const OUT_OF_TIME = new Error("the time is over");

function closed(owner: string): Error {
  return new Error(`${owner} has been closed`);
}
