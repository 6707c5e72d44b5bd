import type { RelativeClock } from "../api/watermark.js";
import { checkState } from "../errors/index.js";

/**
 * A clock that stands still while it is paused (Flink `PausableRelativeClock`), in milliseconds.
 *
 * Owns: how long it has stood still. Called by: the operator's loop.
 * Invariants: pauses nest; time goes on only when each has been taken back.
 */
export class PausableRelativeClock implements RelativeClock {
  readonly #base: RelativeClock;
  #pauses = 0;
  #pausedSince = 0;
  #pausedTime = 0;

  constructor(base: RelativeClock) {
    this.#base = base;
  }

  relativeTime(): number {
    const now = this.#pauses === 0 ? this.#base.relativeTime() : this.#pausedSince;
    return now - this.#pausedTime;
  }

  pause(): void {
    if (this.#pauses === 0) this.#pausedSince = this.#base.relativeTime();
    this.#pauses++;
  }

  unPause(): void {
    checkState(this.#pauses > 0, "the activity clock is not paused");
    this.#pauses--;
    if (this.#pauses === 0) this.#pausedTime += this.#base.relativeTime() - this.#pausedSince;
  }
}
