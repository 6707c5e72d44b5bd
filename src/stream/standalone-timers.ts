import {
  type Cancel,
  type ProcessingTimeService,
  RealClock,
  repeatWithFixedDelay,
} from "../mailbox/index.js";

/** The timers of an operator that runs outside a job: real time, and Node's own loop. */
export class StandaloneTimers implements ProcessingTimeService {
  readonly #clock = new RealClock();

  now(): number {
    return this.#clock.now();
  }

  relativeTime(): number {
    return this.#clock.relativeTime();
  }

  registerTimer(delay: number, callback: () => void): Cancel {
    return this.#clock.schedule(delay, callback);
  }

  scheduleWithFixedDelay(callback: () => void, initialDelay: number, period: number): Cancel {
    return repeatWithFixedDelay(this, callback, initialDelay, period);
  }
}
