/** More samples than this are thinned out: every second one goes, and only every second new one comes. */
const LIMIT = 4096;

/** Samples of the event-time skew over the life of a job, in milliseconds; bounded, however long it runs. */
export class SkewSamples {
  #samples: number[] = [];
  #stride = 1;
  #seen = 0;
  #noticeable = false;

  add(skew: number): void {
    if (skew > 0) this.#noticeable = true;
    if (this.#seen++ % this.#stride !== 0) return;
    this.#samples.push(skew);
    if (this.#samples.length < LIMIT) return;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** Whether there was any: a job without event time has none. */
  get isNoticeable(): boolean {
    return this.#noticeable;
  }

  /** 0 without samples. */
  get median(): number {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }
}
