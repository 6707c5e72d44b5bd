/** As Flink's `MeterView`: a count every 5 s, over a minute. */
const INTERVAL = 5000;
const SAMPLES = 12;

/** A rate over about the last minute, from counts that are shown to it now and then. */
export class RecordRate {
  /** A ring: time and count of each sample. */
  readonly #times: number[];
  readonly #counts: number[] = [0];
  #newest = 0;

  constructor(now: number) {
    this.#times = [now];
  }

  /** Keeps the count unless the last one is younger than the interval. */
  sample(now: number, count: number): void {
    if (now - (this.#times[this.#newest] as number) < INTERVAL) return;
    this.#newest = (this.#newest + 1) % SAMPLES;
    this.#times[this.#newest] = now;
    this.#counts[this.#newest] = count;
  }

  /** Since the oldest sample; 0 when no time has passed. */
  perSecond(now: number, count: number): number {
    const oldest = this.#times.length < SAMPLES ? 0 : (this.#newest + 1) % SAMPLES;
    const elapsed = now - (this.#times[oldest] as number);
    return elapsed <= 0 ? 0 : (1000 * (count - (this.#counts[oldest] as number))) / elapsed;
  }
}
