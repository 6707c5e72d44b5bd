import type { StateSnapshot } from "../stream/operator-context.js";
import { checkStateJson, isJsonObject, stateNotJson } from "../stream/state-json.js";
import { concat } from "./keyed-state-bytes.js";

/** Plain JSON: what `process` writes too. */
const JSON_VERSION = 1;
/** About a millisecond's work, whichever comes first. */
const CHARACTERS_PER_SLICE = 32 * 1024;
const PIECES_PER_SLICE = 2048;
/** A value that consists of more values than this is taken apart. */
const VALUES_PER_PIECE = 256;

/** A value that nobody changes any more, on its way to JSON a slice at a time. */
export class JsonSnapshot implements StateSnapshot {
  readonly version = JSON_VERSION;
  readonly #pieces: Iterator<string>;
  readonly #parts: Uint8Array[] = [];
  #isSerialized = false;

  constructor(operator: string, value: unknown) {
    this.#pieces = pieces(operator, value, "state", new Set());
  }

  get isSerialized(): boolean {
    return this.#isSerialized;
  }

  get bytes(): Uint8Array {
    return concat(this.#parts);
  }

  serializeSome(): void {
    let text = "";
    for (let i = 0; i < PIECES_PER_SLICE && text.length < CHARACTERS_PER_SLICE; i++) {
      const { done, value } = this.#pieces.next();
      if (done === true) {
        this.#isSerialized = true;
        break;
      }
      text += value;
    }
    this.#parts.push(new TextEncoder().encode(text));
  }

  cancel(): void {
    this.#parts.length = 0;
  }
}

/** `above` are the objects that the value lies in. */
function* pieces(
  operator: string,
  value: unknown,
  path: string,
  above: Set<object>,
): Generator<string, void> {
  if (!isJsonObject(value) || budgetAfter(value, VALUES_PER_PIECE) >= 0) {
    checkStateJson(operator, value, path);
    yield JSON.stringify(value);
    return;
  }
  if (above.has(value)) throw stateNotJson(operator, `${path} holds itself`);
  above.add(value);
  const isArray = Array.isArray(value);
  let separator = isArray ? "[" : "{";
  for (const [key, member] of membersOf(value)) {
    if (member === undefined && !isArray) continue;
    yield isArray ? separator : `${separator}${JSON.stringify(key)}:`;
    yield* pieces(operator, member, isArray ? `${path}[${key}]` : `${path}.${key}`, above);
    separator = ",";
  }
  if (separator !== ",") yield separator;
  yield isArray ? "]" : "}";
  above.delete(value);
}

/** What is left of a number of values when this one and those in it have been counted; negative: they are more. */
function budgetAfter(value: unknown, budget: number): number {
  let left = budget - 1;
  if (!isJsonObject(value)) return left;
  if (Array.isArray(value) && value.length > left) return -1;
  for (const [, member] of membersOf(value)) {
    if (left < 0) break;
    left = budgetAfter(member, left);
  }
  return left;
}

/** One by one: a list of a million pairs would take long to make. */
function* membersOf(value: object): Generator<readonly [string | number, unknown], void> {
  if (Array.isArray(value)) {
    yield* value.entries();
    return;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(fields)) yield [key, fields[key]];
}
