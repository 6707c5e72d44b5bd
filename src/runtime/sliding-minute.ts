/** Milliseconds that are counted as one. */
const STEP = 100;
/** A minute and one step more: what is a minute old may be counted still, nothing younger is forgotten. */
const STEPS = 601;

/**
 * How many events there were within the last minute, in constant memory.
 *
 * Owns: a ring of counts, one a tenth of a second. Called by: whoever counts, with a time that never
 * goes back.
 * Invariants: an event counts for a minute at least, and for a tenth of a second longer at most.
 */
export class SlidingMinute {
  readonly #counts = new Uint32Array(STEPS);
  #total = 0;
  #start: number | undefined;
  #step = 0;

  /** Counts one event at `now` (milliseconds); returns how many the minute has with it. */
  add(now: number): number {
    this.#start ??= now;
    this.#moveTo(Math.floor((now - this.#start) / STEP));
    const place = this.#step % STEPS;
    this.#counts[place] = (this.#counts[place] as number) + 1;
    this.#total++;
    return this.#total;
  }

  #moveTo(step: number): void {
    for (let next = Math.max(this.#step, step - STEPS) + 1; next <= step; next++) {
      const place = next % STEPS;
      this.#total -= this.#counts[place] as number;
      this.#counts[place] = 0;
    }
    this.#step = step;
  }
}
