import type { Clock } from "../mailbox/index.js";

/** Milliseconds that one slice of reading may take. */
const SLICE = 5;
/** Milliseconds that should pass between two looks at the clock. */
const LOOK_INTERVAL = 1;
/** Records until the first look, when nothing is known of what one costs. */
const FIRST_LOOK = 128;
/** Records between two looks at most, however fast they come. */
const LAST_LOOK = 1024;

/**
 * How much may be read before others get their turn, without a look at the clock per record.
 *
 * Owns: the end of the slice, and how many records to read until the next look: about as many as came
 * in a millisecond so far. Called by: the source loop.
 * Invariants: at most 1024 records and as many polls lie between two looks; the number at most doubles
 * from one look to the next, and falls at once when records become slow.
 */
export class SlicePace {
  readonly #clock: Clock;
  #sliceEnd = 0;
  #recordsPerLook = FIRST_LOOK;
  #nextLook = 0;
  #lookedAt = 0;
  #recordsThen = 0;
  #polls = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A slice begins; `records` are all that were emitted so far. */
  startSlice(records: number): void {
    const now = this.#clock.relativeTime();
    this.#sliceEnd = now + SLICE;
    this.#noteLook(now, records);
  }

  /** Asked before each poll: how many records it may emit; 0 when the slice is over. */
  recordsOfNextPoll(records: number): number {
    this.#polls++;
    const left = this.#nextLook - records;
    if (left > 0 && this.#polls < this.#recordsPerLook) return left;
    return this.isSliceOver(records) ? 0 : this.#recordsPerLook;
  }

  /** Something slow has happened: look before the next poll. */
  lookSoon(): void {
    this.#nextLook = 0;
  }

  /** Looks at the clock. */
  isSliceOver(records: number): boolean {
    const now = this.#clock.relativeTime();
    const work = Math.max(records - this.#recordsThen, this.#polls);
    const elapsed = now - this.#lookedAt;
    if (work > 0) {
      const most = Math.min(LAST_LOOK, 2 * this.#recordsPerLook);
      const fitting = Math.floor((work * LOOK_INTERVAL) / elapsed);
      this.#recordsPerLook = fitting >= 1 ? Math.min(fitting, most) : 1;
    }
    this.#noteLook(now, records);
    return now >= this.#sliceEnd;
  }

  #noteLook(now: number, records: number): void {
    this.#lookedAt = now;
    this.#recordsThen = records;
    this.#nextLook = records + this.#recordsPerLook;
    this.#polls = 0;
  }
}
