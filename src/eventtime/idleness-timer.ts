import type { RelativeClock } from "../api/watermark.js";
import { optionInvalid } from "../errors/index.js";

/** Stands for a timer that has not been started: a clock that shows exactly zero starts it later. */
const NOT_STARTED = 0;

/**
 * Says when there has been no activity for longer than a time (Flink
 * `WatermarksWithIdleness.IdlenessTimer`).
 *
 * Owns: a count of activity and when inactivity was first seen. Called by: the operator's loop,
 * `activity` per record, so it only counts; the clock is read once per check.
 * Invariants: the first check after activity never says idle and does not start the timer either.
 */
export class IdlenessTimer {
  readonly #clock: RelativeClock;
  readonly #timeout: number;
  #count = 0;
  #lastCount = 0;
  #inactiveSince = NOT_STARTED;

  /** `timeout`: milliseconds, more than 0; throws OPTION_INVALID otherwise. */
  constructor(clock: RelativeClock, timeout: number) {
    if (!(timeout > 0)) throw optionInvalid("idleness.timeout", timeout, "a duration > 0");
    this.#clock = clock;
    this.#timeout = timeout;
  }

  activity(): void {
    this.#count++;
  }

  checkIfIdle(): boolean {
    if (this.#count !== this.#lastCount) {
      this.#lastCount = this.#count;
      this.#inactiveSince = NOT_STARTED;
      return false;
    }
    const now = this.#clock.relativeTime();
    if (this.#inactiveSince === NOT_STARTED) {
      this.#inactiveSince = now;
      return false;
    }
    return now - this.#inactiveSince > this.#timeout;
  }
}
