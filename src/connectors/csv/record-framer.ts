import { type CsvDialect, isBlank, NEWLINE, startsWith } from "./csv-dialect.js";

/** The record does not end within the bytes. */
export const MORE = -1;
/** A quote stands where none may stand: the record cannot be read. */
export const BROKEN = -2;

/**
 * Finds where records end: at a newline outside quotes.
 *
 * Owns: how far the current record has been looked at, and whether that is inside quotes.
 * Called by: the record input, with bytes in their order.
 * Invariants: for every input that csv-parse accepts, it ends records where csv-parse does. What it
 * finds broken csv-parse refuses too; the reverse does not hold.
 */
export class RecordFramer {
  readonly #quote: number;
  /** -1: quotes are doubled, which needs no care, as two of them cancel out. */
  readonly #escape: number;
  readonly #delimiter: Uint8Array;
  readonly #trim: boolean;
  #isInside = false;
  #isEscaped = false;

  constructor(dialect: CsvDialect) {
    const { quote, delimiter, trim } = dialect;
    this.#quote = quote === null ? -1 : quote.charCodeAt(0);
    this.#escape = quote === null || dialect.escape === quote ? -1 : dialect.escape.charCodeAt(0);
    this.#delimiter = Buffer.from(delimiter);
    this.#trim = trim;
  }

  /** The next byte is the first of a record. */
  begin(): void {
    this.#isInside = false;
    this.#isEscaped = false;
  }

  /** Whether the bytes so far leave a quoted field open. */
  get isInside(): boolean {
    return this.#isInside;
  }

  /**
   * Looks at the bytes from `from` to `to` of a record that begins at `start`. Returns the index
   * behind its newline, MORE or BROKEN.
   */
  scan(bytes: Uint8Array, start: number, from: number, to: number): number {
    return this.#escape === -1
      ? this.#scanDoubled(bytes, from, to)
      : this.#scanEscaped(bytes, start, from, to);
  }

  #scanDoubled(bytes: Uint8Array, from: number, to: number): number {
    const quote = this.#quote;
    let isInside = this.#isInside;
    for (let i = from; i < to; i++) {
      const byte = bytes[i];
      if (byte === quote) isInside = !isInside;
      else if (byte === NEWLINE && !isInside) {
        this.#isInside = false;
        return i + 1;
      }
    }
    this.#isInside = isInside;
    return MORE;
  }

  /** Inside, an escape hides the next byte; outside, it is like any other. */
  #scanEscaped(bytes: Uint8Array, start: number, from: number, to: number): number {
    const quote = this.#quote;
    const hiding = this.#escape;
    for (let i = from; i < to; i++) {
      const byte = bytes[i];
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#isInside) {
        if (byte === hiding) this.#isEscaped = true;
        else if (byte === quote) this.#isInside = false;
      } else if (byte === quote) {
        // Else lines that each open a quote, by a quote that the line before hides, would each be
        // looked at up to the greatest length of a record.
        if (!this.#beginsField(bytes, start, i)) return BROKEN;
        this.#isInside = true;
      } else if (byte === NEWLINE) return i + 1;
    }
    return MORE;
  }

  #beginsField(bytes: Uint8Array, start: number, index: number): boolean {
    let at = index;
    if (this.#trim) {
      // Bytes beyond ASCII may be white space too; csv-parse knows.
      while (at > start && isTrimmable(bytes[at - 1] as number)) at--;
    }
    const from = at - this.#delimiter.length;
    if (at === start || (from >= start && startsWith(bytes, from, at, this.#delimiter)))
      return true;
    // A delimiter may itself be white space, such as a tab.
    return this.#trim && at < index;
  }
}

function isTrimmable(byte: number): boolean {
  return byte >= 0x80 || isBlank(byte);
}
