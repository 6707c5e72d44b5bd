/**
 * Owns: splits in the order in which they are to be read. Called by: enumerators.
 * Invariants: adding and taking cost the same however many splits wait; a snapshot does not change.
 */
export class SplitQueue<SplitT> {
  #splits: SplitT[];
  /** Splits before this one have been taken. */
  #head = 0;

  constructor(splits: readonly SplitT[] = []) {
    this.#splits = [...splits];
  }

  get size(): number {
    return this.#splits.length - this.#head;
  }

  /** The next split, which stays. */
  peek(): SplitT | undefined {
    return this.#splits[this.#head];
  }

  /** Takes the next split out. */
  take(): SplitT | undefined {
    const split = this.#splits[this.#head];
    if (split === undefined) return undefined;
    this.#head++;
    // Lets go of what has been taken, now and then.
    if (this.#head >= 1024 && this.#head * 2 >= this.#splits.length) {
      this.#splits = this.#splits.slice(this.#head);
      this.#head = 0;
    }
    return split;
  }

  add(splits: readonly SplitT[]): void {
    for (const split of splits) this.#splits.push(split);
  }

  toArray(): readonly SplitT[] {
    return this.#splits.slice(this.#head);
  }
}
