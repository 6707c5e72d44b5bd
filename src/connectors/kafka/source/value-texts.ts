import { type RecordColumns, ROW, VALUE_LENGTH, VALUE_START } from "../records/record-columns.js";

/** Bytes that are decoded at once, at most. */
const WINDOW = 65_536;
/** Values that are worth it: fewer are decoded one by one. */
const FEWEST = 8;
/** Bytes that may lie between two values; those are looked at one by one. */
const NEAR = 256;

/**
 * The values of a batch as text where they are ASCII: those that lie near each other are decoded at once,
 * and each is a part of that text, which takes a third of the time that a call a value does.
 *
 * What lies between values becomes a part of the text too, so bytes stand for characters one by one
 * (latin1), and the values are ASCII exactly when all other characters are between them.
 *
 * Owns: the text of the values looked at last. Called by: one run, between two calls of which its columns
 * do not change.
 * Invariants: a text is made of its own value's bytes alone. It keeps the others' alive, so it must not be
 * kept: `JSON.parse` copies what it takes.
 */
export class ValueTexts {
  #text = "";
  /** Where the text begins in the bytes. */
  #start = 0;
  /** One behind the last record that was looked at. */
  #end = 0;
  #isAscii = false;

  /** The columns are others from now on. */
  forget(): void {
    this.#end = 0;
  }

  /**
   * The value of record `index`, which has one; undefined: it is to be decoded by itself. Indexes rise from
   * call to call; `until`: records from there on will not be asked for.
   */
  at(columns: RecordColumns, index: number, until: number): string | undefined {
    if (index >= this.#end) this.#look(columns, index, until);
    if (!this.#isAscii) return undefined;
    const start = (columns.rows[index * ROW + VALUE_START] as number) - this.#start;
    return this.#text.substring(
      start,
      start + (columns.rows[index * ROW + VALUE_LENGTH] as number),
    );
  }

  #look({ bytes, rows }: RecordColumns, index: number, until: number): void {
    const start = rows[index * ROW + VALUE_START] as number;
    let end = start;
    let highBetween = 0;
    let to = index;
    for (; to < until; to++) {
      const length = rows[to * ROW + VALUE_LENGTH] as number;
      if (length < 0) continue;
      const valueStart = rows[to * ROW + VALUE_START] as number;
      if (valueStart - end > NEAR || valueStart + length - start > WINDOW) break;
      for (let at = end; at < valueStart; at++) highBetween += (bytes[at] as number) >>> 7;
      end = valueStart + length;
    }
    this.#start = start;
    this.#end = Math.max(to, index + 1);
    this.#isAscii = false;
    if (to - index < FEWEST) return;
    this.#text = bytes.toString("latin1", start, end);
    // In UTF-8 each character that is not ASCII would take one byte more.
    this.#isAscii = Buffer.byteLength(this.#text) - this.#text.length === highBetween;
  }
}
