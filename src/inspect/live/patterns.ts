/** Answers that are remembered before they are forgotten all at once. */
const MAX_REMEMBERED = 20_000;

/** Ids, and prefixes of ids that end in `*`. */
export class Patterns {
  readonly #ids: ReadonlySet<string>;
  readonly #prefixes: readonly string[];
  readonly #remembered = new Map<string, boolean>();

  constructor(patterns: readonly string[]) {
    this.#ids = new Set(patterns.filter((pattern) => !pattern.endsWith("*")));
    this.#prefixes = patterns
      .filter((pattern) => pattern.endsWith("*"))
      .map((pattern) => pattern.slice(0, -1));
  }

  matches(id: string): boolean {
    if (this.#prefixes.length === 0) return this.#ids.has(id);
    const known = this.#remembered.get(id);
    if (known !== undefined) return known;
    const matches = this.#ids.has(id) || this.#prefixes.some((prefix) => id.startsWith(prefix));
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(id, matches);
    return matches;
  }
}

/** Events on their way to a page: a queue with a limit, which drops the oldest and counts them. */
export class DroppingQueue<T> {
  readonly #limit: number;
  #items: T[] = [];
  #dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0 && this.#dropped === 0;
  }

  push(item: T): void {
    // By halves: dropping one each time would move all the others each time.
    if (this.#items.length >= this.#limit) {
      const half = this.#items.length >> 1;
      this.#items = this.#items.slice(half);
      this.#dropped += half;
    }
    this.#items.push(item);
  }

  /** The oldest, at most `count`, and how many were dropped since it was asked last. */
  take(count: number): { readonly items: readonly T[]; readonly dropped: number } {
    const items = this.#items.splice(0, count);
    const dropped = this.#dropped;
    this.#dropped = 0;
    return { items, dropped };
  }

  clear(): void {
    this.#items = [];
    this.#dropped = 0;
  }
}
