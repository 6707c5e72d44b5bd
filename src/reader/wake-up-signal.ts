/**
 * Owns: one pending wake-up. Called by: a split reader, from `fetch` and `wakeUp`.
 * Invariants: a wake-up that comes while nobody waits ends the next wait at once; each ends one wait.
 */
export class WakeUpSignal {
  #pending = false;
  #waiting: (() => void) | undefined;

  signal(): void {
    this.#pending = true;
    this.#waiting?.();
  }

  /** Resolves at the next signal. */
  async wait(): Promise<void> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#pending = false;
    this.#waiting = undefined;
  }

  /** True when the signal came before `work` was done; throws what `work` throws. */
  async race(work: Promise<void>): Promise<boolean> {
    let done = false;
    const finished = work.finally(() => {
      done = true;
    });
    const woken = this.#pending
      ? Promise.resolve()
      : new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
    try {
      await Promise.race([finished, woken]);
    } finally {
      this.#waiting = undefined;
      if (!done) finished.catch(() => {});
    }
    if (done) return false;
    this.#pending = false;
    return true;
  }
}
