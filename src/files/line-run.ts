import type { FileRun } from "./file-format.js";

/** The lines that a run takes from. */
export interface LinesOfRun<T> {
  /** Puts the next records into `records`; 0: none, or the next needs a look of its own. */
  take(records: T[], at: number, atMost: number): number;
  position(): number;
}

/**
 * Owns: one record that was decoded to see whether there is one. Called by: the operator's loop.
 * Invariants: after `hasNext` has said true, that record is taken before anything else is read.
 */
export class LineRun<T> implements FileRun<T> {
  readonly #lines: LinesOfRun<T>;
  readonly #peeked: T[] = [];

  constructor(lines: LinesOfRun<T>) {
    this.#lines = lines;
  }

  get position(): number {
    return this.#lines.position();
  }

  hasNext(): boolean {
    return this.#peeked.length > 0 || this.#lines.take(this.#peeked, 0, 1) > 0;
  }

  next(): T {
    return this.#peeked.pop() as T;
  }

  fill(records: T[], at: number, atMost: number): number {
    let count = 0;
    if (this.#peeked.length > 0) {
      records[at] = this.#peeked.pop() as T;
      count = 1;
    }
    return count + this.#lines.take(records, at + count, atMost - count);
  }
}
