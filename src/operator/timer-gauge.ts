import type { RelativeClock } from "../api/watermark.js";

/** Milliseconds of one bucket, and how many make the window (Flink: updates every 5 s over 60 s). */
const BUCKET = 5000;
const BUCKETS = 12;

/**
 * Measures how long something goes on (Flink `TimerGauge`): in all, and per second over the last
 * minute. It fills its buckets when it is asked, so it needs no timer of its own.
 *
 * Owns: the measured times. Called by: the operator's loop, and when metrics are read.
 */
export class TimerGauge {
  readonly #clock: RelativeClock;
  /** Measured time of the last full buckets, a ring. */
  readonly #values: number[] = [];
  #next = 0;
  #bucketEnd: number;
  #bucketValue = 0;
  #total = 0;
  /** Until when the measurement under way has been counted; undefined while nothing is measured. */
  #countedUntil: number | undefined;

  constructor(clock: RelativeClock) {
    this.#clock = clock;
    this.#bucketEnd = clock.relativeTime() + BUCKET;
  }

  get isMeasuring(): boolean {
    return this.#countedUntil !== undefined;
  }

  /** Milliseconds measured so far, up to now. */
  get accumulated(): number {
    this.#advance();
    return this.#total;
  }

  /** Milliseconds per second over the full buckets of the last minute; 0 before the first is full. */
  get perSecond(): number {
    this.#advance();
    if (this.#values.length === 0) return 0;
    const sum = this.#values.reduce((total, value) => total + value, 0);
    return Math.min(1000, (1000 * sum) / (this.#values.length * BUCKET));
  }

  markStart(): void {
    if (this.#countedUntil !== undefined) return;
    this.#countedUntil = this.#advance();
  }

  markEnd(): void {
    if (this.#countedUntil === undefined) return;
    this.#advance();
    this.#countedUntil = undefined;
  }

  /** Counts up to now, which it returns, closing the buckets that have ended. */
  #advance(): number {
    const now = this.#clock.relativeTime();
    const missed = Math.floor((now - this.#bucketEnd) / BUCKET) + 1;
    if (missed > BUCKETS) this.#skip(missed - BUCKETS);
    while (now >= this.#bucketEnd) {
      this.#count(this.#bucketEnd);
      this.#values[this.#next] = this.#bucketValue;
      this.#next = (this.#next + 1) % BUCKETS;
      this.#bucketValue = 0;
      this.#bucketEnd += BUCKET;
    }
    this.#count(now);
    return now;
  }

  /** Buckets that would leave the window at once are counted in the total only. */
  #skip(buckets: number): void {
    this.#bucketEnd += buckets * BUCKET;
    this.#count(this.#bucketEnd - BUCKET);
    this.#bucketValue = 0;
  }

  #count(until: number): void {
    if (this.#countedUntil === undefined) return;
    const time = until - this.#countedUntil;
    this.#bucketValue += time;
    this.#total += time;
    this.#countedUntil = until;
  }
}
