import { HeadwaterError } from "../errors/index.js";
import { jsonMistake } from "../stream/async-map-state.js";
import type { StateSnapshot } from "../stream/operator-context.js";
import { concat } from "./keyed-state-bytes.js";

/** Plain JSON: what `process` writes too. */
const JSON_VERSION = 1;
const CHARACTERS_PER_SLICE = 128 * 1024;
/** Objects with so many members are taken apart, and small ones near the root. */
const MANY = 256;
const FEW = 16;
const NEAR = 3;

/** Throws SERIALIZER_FAILED when the value would not come back from JSON as it was. */
export function checkStateJson(operator: string, value: unknown, path: string): void {
  const mistake = jsonMistake(value, path, new Set());
  if (mistake === undefined) return;
  throw new HeadwaterError(
    "SERIALIZER_FAILED",
    `the state of operator ${operator} is not JSON: ${mistake}`,
    {
      domain: "user",
      retry: "never",
      scope: "reader",
      hint: "Keep text, finite numbers, booleans, null, arrays and plain objects in state.",
    },
  );
}

/** A value that nobody changes any more, on its way to JSON a slice at a time. */
export class JsonSnapshot implements StateSnapshot {
  readonly version = JSON_VERSION;
  readonly #pieces: Iterator<string>;
  readonly #parts: Uint8Array[] = [];
  #isSerialized = false;

  constructor(operator: string, value: unknown) {
    this.#pieces = pieces(operator, value, "state", 0);
  }

  get isSerialized(): boolean {
    return this.#isSerialized;
  }

  get bytes(): Uint8Array {
    return concat(this.#parts);
  }

  serializeSome(): void {
    let text = "";
    while (text.length < CHARACTERS_PER_SLICE && !this.#isSerialized) {
      const { done, value } = this.#pieces.next();
      if (done === true) this.#isSerialized = true;
      else text += value;
    }
    this.#parts.push(new TextEncoder().encode(text));
  }

  cancel(): void {
    this.#parts.length = 0;
  }
}

function* pieces(
  operator: string,
  value: unknown,
  path: string,
  depth: number,
): Generator<string, void> {
  const members = depth < 2 * NEAR ? membersOf(value) : [];
  if (members.length <= MANY && (members.length === 0 || members.length > FEW || depth >= NEAR)) {
    checkStateJson(operator, value, path);
    yield JSON.stringify(value);
    return;
  }
  const isArray = Array.isArray(value);
  let separator = isArray ? "[" : "{";
  for (const [key, member] of members) {
    if (member === undefined && !isArray) continue;
    yield isArray ? separator : `${separator}${JSON.stringify(key)}:`;
    yield* pieces(operator, member, isArray ? `${path}[${key}]` : `${path}.${key}`, depth + 1);
    separator = ",";
  }
  if (separator !== ",") yield separator;
  yield isArray ? "]" : "}";
}

/** Of arrays and plain objects; anything else is for the check to refuse. */
function membersOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value !== "object" || value === null) return [];
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.entries(value) : [];
}
