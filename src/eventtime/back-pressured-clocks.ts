import type { PausableRelativeClock } from "./pausable-relative-clock.js";

/**
 * Stops the activity clocks of a subtask while its output takes nothing more (the listeners of
 * Flink's back-pressure `TimerGauge`): a source that may not emit must not become idle.
 *
 * Owns: the set of clocks and whether there is back-pressure. Called by: the operator's loop.
 */
export class BackPressuredClocks {
  readonly #clocks = new Set<PausableRelativeClock>();
  #backPressured = false;

  /** A clock that is added under back-pressure starts paused. */
  add(clock: PausableRelativeClock): void {
    this.#clocks.add(clock);
    if (this.#backPressured) clock.pause();
  }

  remove(clock: PausableRelativeClock): void {
    if (this.#clocks.delete(clock) && this.#backPressured) clock.unPause();
  }

  /** Saying the same twice changes nothing. */
  mark(backPressured: boolean): void {
    if (backPressured === this.#backPressured) return;
    this.#backPressured = backPressured;
    for (const clock of this.#clocks) {
      if (backPressured) clock.pause();
      else clock.unPause();
    }
  }
}
