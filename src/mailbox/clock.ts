import type { Cancel, Clock } from "./ports.js";

/** setTimeout fires at once for longer delays than this. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** The machine's own clock and timers: the one place that touches them. */
export class RealClock implements Clock {
  now(): number {
    return Date.now();
  }

  relativeTime(): number {
    return performance.now();
  }

  schedule(delay: number, callback: () => void): Cancel {
    const due = performance.now() + Math.max(0, delay);
    const wait = (): NodeJS.Timeout =>
      setTimeout(fire, Math.min(Math.max(0, Math.ceil(due - performance.now())), MAX_TIMEOUT));
    const fire = (): void => {
      // Node's timers fire up to a millisecond early.
      if (performance.now() < due) handle = wait();
      else callback();
    };
    let handle = wait();
    return () => clearTimeout(handle);
  }
}

interface VirtualTimer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock that moves only when told to, and then steps from timer to timer.
 *
 * A timer that schedules another one inside the advanced span sees it fire in the same `advance`,
 * at its own time. Timers due at the same time fire in the order in which they were scheduled.
 */
export class VirtualClock implements Clock {
  #time: number;
  #order = 0;
  readonly #timers = new Set<VirtualTimer>();

  constructor(start = 0) {
    this.#time = start;
  }

  now(): number {
    return this.#time;
  }

  relativeTime(): number {
    return this.#time;
  }

  schedule(delay: number, callback: () => void): Cancel {
    const timer = { due: this.#time + Math.max(0, delay), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due; undefined when none waits. */
  nextTimer(): number | undefined {
    return this.#next()?.due;
  }

  /** Moves the time by `ms`, firing every timer on the way at its own time. */
  advance(ms: number): void {
    const end = this.#time + ms;
    for (let next = this.#next(); next !== undefined && next.due <= end; next = this.#next()) {
      this.#fire(next);
    }
    this.#time = end;
  }

  /** Moves the time by `ms` and fires nothing: what becomes due fires later, in its order. */
  pass(ms: number): void {
    this.#time += ms;
  }

  /** Jumps to the next timer and fires it; false when none waits. */
  advanceToNextTimer(): boolean {
    const next = this.#next();
    if (next === undefined) return false;
    this.#fire(next);
    return true;
  }

  #fire(timer: VirtualTimer): void {
    this.#time = Math.max(this.#time, timer.due);
    this.#timers.delete(timer);
    timer.callback();
  }

  #next(): VirtualTimer | undefined {
    let best: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (
        best === undefined ||
        timer.due < best.due ||
        (timer.due === best.due && timer.order < best.order)
      ) {
        best = timer;
      }
    }
    return best;
  }
}
