import { createHash } from "node:crypto";

/** Lines kept; the hash is over all of them. */
const LIMIT = 100_000;

/** What happened in a run, a line each; the same plan gives the same bytes. */
export class Journal {
  readonly #hash = createHash("sha256");
  #lines: string[] = [];
  #dropped = 0;

  add(time: number, what: string): void {
    const line = `${time.toFixed(3)} ${what}`;
    this.#hash.update(line);
    this.#lines.push(line);
    if (this.#lines.length < 2 * LIMIT) return;
    this.#dropped += LIMIT;
    this.#lines = this.#lines.slice(LIMIT);
  }

  get digest(): string {
    return this.#hash.copy().digest("hex");
  }

  toString(): string {
    const head = this.#dropped === 0 ? [] : [`(${this.#dropped} lines before these are left out)`];
    return [...head, ...this.#lines, `sha256 ${this.digest}`, ""].join("\n");
  }
}
