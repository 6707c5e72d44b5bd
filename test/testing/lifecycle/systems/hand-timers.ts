import type { Cancel, ProcessingTimeService } from "../../../../src/mailbox/index.js";

/** Timers that only fire by hand, the oldest first. */
export class HandTimers implements ProcessingTimeService {
  readonly #timers = new Map<number, () => void>();
  #next = 0;

  get running(): number {
    return this.#timers.size;
  }

  now(): number {
    return 0;
  }

  relativeTime(): number {
    return 0;
  }

  registerTimer(_: number, callback: () => void): Cancel {
    const id = this.#next++;
    this.#timers.set(id, callback);
    return () => void this.#timers.delete(id);
  }

  scheduleWithFixedDelay(): Cancel {
    return () => {};
  }

  /** False: no timer runs. */
  fire(): boolean {
    for (const [id, callback] of this.#timers) {
      this.#timers.delete(id);
      callback();
      return true;
    }
    return false;
  }
}
