import type { Scheduler } from "./ports.js";

/**
 * Defers to the next turn of Node's event loop.
 *
 * setImmediate lets timers and I/O in between (p99 lateness 3–11 ms at full load); microtasks and
 * MessageChannel starve them completely on Node 20.
 */
export class ImmediateScheduler implements Scheduler {
  defer(callback: () => void): void {
    setImmediate(callback);
  }
}

/** Deferred work waits until a test or the simulator runs it. */
export class ManualScheduler implements Scheduler {
  #queue: (() => void)[] = [];

  get pending(): number {
    return this.#queue.length;
  }

  defer(callback: () => void): void {
    this.#queue.push(callback);
  }

  /** Runs the oldest deferred callback; false when there is none. */
  runOne(): boolean {
    const callback = this.#queue.shift();
    if (callback === undefined) return false;
    callback();
    return true;
  }

  /** Runs until nothing is deferred; throws after `limit` callbacks, which means a live-lock. */
  runAll(limit = 1_000_000): void {
    for (let i = 0; i < limit; i++) if (!this.runOne()) return;
    throw new Error(`work is still deferred after ${limit} turns`);
  }

  /**
   * Runs deferred work and the promises behind it until both are quiet: `quietTurns` rounds of
   * microtasks in a row that bring nothing new.
   */
  async settle(quietTurns = 10): Promise<void> {
    for (let quiet = 0; quiet < quietTurns; quiet++) {
      if (this.#queue.length > 0) quiet = 0;
      this.runAll();
      await Promise.resolve();
    }
  }
}
