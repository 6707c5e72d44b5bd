import type { ProcessingTimeService } from "../../mailbox/ports.js";

/** Milliseconds before the first retry; each later one waits twice as long. */
const FIRST_DELAY = 20;
const LONGEST_DELAY = 2000;

/** Tries things again that failed for a moment, a limited number of times. */
export class Retries {
  readonly #processingTime: ProcessingTimeService;
  readonly #maxRetries: number;
  readonly #isTransient: (error: unknown) => boolean;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(
    processingTime: ProcessingTimeService,
    maxRetries: number,
    isTransient: (error: unknown) => boolean,
  ) {
    this.#processingTime = processingTime;
    this.#maxRetries = maxRetries;
    this.#isTransient = isTransient;
  }

  /** Runs it until it succeeds; rejects with its last error. */
  async run<R>(attempt: () => R | Promise<R>): Promise<R> {
    for (let retries = 0; ; retries++) {
      try {
        return await attempt();
      } catch (error) {
        if (this.#closed || retries >= this.#maxRetries || !this.#isTransient(error)) throw error;
        await this.#wait(Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** retries));
        if (this.#closed) throw error;
      }
    }
  }

  /** Nothing is tried again. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  #wait(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#processingTime.registerTimer(delay, resolve);
      const wake = (): void => {
        cancel();
        resolve();
      };
      this.#wake = wake;
    });
  }
}
