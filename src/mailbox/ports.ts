/** Cancels what it was given for; calling it again, or too late, does nothing. */
export type Cancel = () => void;

/** Time as the framework sees it; the real one or a virtual one (no Date.now outside the real one). */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Monotonic, milliseconds with fractions, from an arbitrary start. */
  relativeTime(): number;
  /** Calls back once, after at least `delay` milliseconds. */
  schedule(delay: number, callback: () => void): Cancel;
}

/** Randomness as the framework sees it. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Lets the dispatcher run again soon, after pending I/O and timers had their turn. */
export interface Scheduler {
  /** Calls back once in a later turn of the event loop. */
  defer(callback: () => void): void;
}

/** Timers whose callbacks run in the operator's own loop (Flink `ProcessingTimeService`). */
export interface ProcessingTimeService {
  now(): number;
  relativeTime(): number;
  registerTimer(delay: number, callback: () => void): Cancel;
  /** First after `initialDelay`, then every `period` milliseconds after the last call ended. */
  scheduleWithFixedDelay(callback: () => void, initialDelay: number, period: number): Cancel;
}
