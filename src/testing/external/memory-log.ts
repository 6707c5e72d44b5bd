import { illegalArgument } from "../../errors/index.js";

/** A request to a `MemoryLog`, for whoever wants to break it. */
export type MemoryLogRequest =
  | { readonly type: "listSplits" }
  | { readonly type: "read"; readonly split: number; readonly from: number };

/** What is read of one split at once. */
export interface MemoryLogBatch<T> {
  readonly records: readonly T[];
  /** Nothing follows, ever. */
  readonly isLast: boolean;
}

/**
 * An external system in memory: a log with splits, which can be read from every position again and again.
 *
 * Owns: the records. Called by: the test, and the readers of `memoryLogSource`.
 * Invariants: a record never changes its place; nothing is added behind the end.
 */
export class MemoryLog<T> {
  /** Throws, or returns a promise to wait for, to make a request fail or hang; called for each. */
  fault: (request: MemoryLogRequest) => void | Promise<void> = () => {};
  readonly #splits: T[][];
  readonly #turns: number;
  #hasEnded = false;
  #changes = 0;
  #listeners = new Set<() => void>();

  /** `turns`: promise turns that each answer takes; default 10. */
  constructor(splits: readonly (readonly T[])[] = [], { turns = 10 }: { turns?: number } = {}) {
    this.#splits = splits.map((records) => [...records]);
    this.#turns = turns;
  }

  /** All records of all splits. */
  get records(): readonly T[] {
    return this.#splits.flat();
  }

  /** How often it has changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Throws ILLEGAL_ARGUMENT for a split that is not there, or behind the end. */
  append(split: number, ...records: readonly T[]): void {
    const there = this.#splits[split];
    if (there === undefined || this.#hasEnded) {
      throw illegalArgument(`split ${split} of the log takes no more records`);
    }
    there.push(...records);
    this.#changed();
  }

  addSplit(...records: readonly T[]): void {
    if (this.#hasEnded) throw illegalArgument("the log has ended and takes no more splits");
    this.#splits.push([...records]);
    this.#changed();
  }

  /** Nothing follows: readers end behind the last record. */
  end(): this {
    this.#hasEnded = true;
    this.#changed();
    return this;
  }

  /** How many splits there are, and whether more may come. */
  async listSplits(): Promise<{ readonly splits: number; readonly isComplete: boolean }> {
    await this.#answer({ type: "listSplits" });
    return { splits: this.#splits.length, isComplete: this.#hasEnded };
  }

  /** At most `atMost` records of a split; none at its end, for the time being or for ever. */
  async read(split: number, from: number, atMost: number): Promise<MemoryLogBatch<T>> {
    await this.#answer({ type: "read", split, from });
    const there = this.#splits[split] ?? [];
    const records = there.slice(from, from + atMost);
    return { records, isLast: this.#hasEnded && from + records.length >= there.length };
  }

  /** Calls back once, at the next change; the function that is returned takes the listener back. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #answer(request: MemoryLogRequest): Promise<void> {
    await this.fault(request);
    for (let i = 0; i < this.#turns; i++) await Promise.resolve();
  }

  #changed(): void {
    this.#changes++;
    const listeners = this.#listeners;
    this.#listeners = new Set();
    for (const listener of listeners) listener();
  }
}
