import { performance } from "node:perf_hooks";
import type { Measurement } from "../../benchmark.js";

/**
 * The time of what is read behind the first tenth, by every client alike: before it they connect, join a group
 * or start a job, and at its first record a client has fetched and decoded megabytes that would be counted as
 * read in no time.
 */
export class SteadyWindow {
  readonly #end: number;
  #read = 0;
  #skipped = 0;
  #started = 0;
  #ms = 0;

  /** Ends when so many records have been read. */
  constructor(end: number) {
    this.#end = end;
  }

  /** So many more have been read; true: that is enough. */
  add(records: number): boolean {
    this.#read += records;
    if (this.#started === 0) {
      if (this.#read * 10 < this.#end) return false;
      this.#started = performance.now();
      this.#skipped = this.#read;
    }
    if (this.#read < this.#end) return false;
    if (this.#ms === 0) this.#ms = performance.now() - this.#started;
    return true;
  }

  measured(values: Measurement["values"] = {}): Measurement {
    if (this.#ms === 0) throw new Error(`read ${this.#read} of ${this.#end} records`);
    return { ms: this.#ms, records: this.#end - this.#skipped, values };
  }
}
