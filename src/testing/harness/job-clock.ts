import { illegalState } from "../../errors/index.js";
import type { Cancel, Clock } from "../../mailbox/index.js";

/** The time of the job that runs: a system outlives jobs, and in virtual time each has a clock of its own. */
export class JobClock implements Clock {
  /** That of the job which was started last. */
  current: Clock | undefined;

  now(): number {
    return this.#clock.now();
  }

  relativeTime(): number {
    return this.#clock.relativeTime();
  }

  schedule(delay: number, callback: () => void): Cancel {
    return this.#clock.schedule(delay, callback);
  }

  get #clock(): Clock {
    if (this.current === undefined) throw illegalState("time begins with the first job");
    return this.current;
  }
}
