import { messageOf } from "../../errors/index.js";
import { badRecord, type LineDecoder } from "../../files/index.js";

/** Levels of objects and arrays in a line; a parser spends about 50 bytes on each. */
const MAX_DEPTH = 1_000_000;

/** Parses lines as JSON and lets `check` look at the values; blank lines are left out. */
export class JsonDecoder<T> implements LineDecoder<T> {
  readonly skipsBlank = true;
  readonly #check: ((value: unknown) => T) | undefined;
  readonly #maxDepth: number;

  constructor(check: ((value: unknown) => T) | undefined, maxDepth = MAX_DEPTH) {
    this.#check = check;
    this.#maxDepth = maxDepth;
  }

  decode(line: string): T {
    if (line.length > this.#maxDepth && isDeeper(line, this.#maxDepth)) {
      throw badRecord(`more than ${this.#maxDepth} levels of objects and arrays`);
    }
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw badRecord(`no JSON: ${withoutInput(error)}`);
    }
    if (this.#check === undefined) return value as T;
    try {
      return this.#check(value);
    } catch (error) {
      throw badRecord(`refused by ndjsonSource.parse: ${shortMessage(error)}`, error);
    }
  }
}

/** What the parser says, without the line that it quotes. */
function withoutInput(error: unknown): string {
  return shorten(
    shortMessage(error).replace(/, (?:\.\.\.)?".*"?(?:\.\.\.)? is not valid JSON$/s, ""),
  );
}

function shortMessage(error: unknown): string {
  return shorten(messageOf(error));
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

function isDeeper(line: string, maxDepth: number): boolean {
  let depth = 0;
  let isText = false;
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === 0x22) isText = !isText;
    else if (isText) i += code === 0x5c ? 1 : 0;
    else if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    if (depth > maxDepth) return true;
  }
  return false;
}
