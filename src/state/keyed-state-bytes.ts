/**
 * Keyed state in bytes: JSON with a line for each entry, so that a rescale can deal the lines by the
 * hash in front of each without reading what they hold.
 *
 *     {"shared":…,"own":…,"entries":[
 *     [hash,…],
 *     [hash,…]
 *     ]}
 */

/** The version of operator state with entries a key; 1 is plain JSON. */
export const KEYED_STATE_VERSION = 2;

const HEAD = '{"shared":';
const END = "\n]}";
const NEWLINE = 10;
const COMMA = 44;
const OPEN_BRACKET = 91;

/** What an operator has besides its entries, as JSON. */
export interface KeyedStateHead {
  /** After a rescale every subtask gets the ones of all. */
  readonly shared?: unknown;
  /** After a rescale one subtask gets it. */
  readonly own?: unknown;
}

/** Keyed state as an operator is restored from it. */
export interface KeyedState extends KeyedStateHead {
  /** Each with the key's hash in front. */
  readonly entries: readonly (readonly [hash: number, ...rest: unknown[]])[];
}

/** Whether the bytes can be dealt by key; what only has the version is the operator's to refuse. */
export function isKeyedState(state: {
  readonly version: number;
  readonly bytes: Uint8Array;
}): boolean {
  if (state.version !== KEYED_STATE_VERSION) return false;
  return [...HEAD].every((character, i) => state.bytes[i] === character.charCodeAt(0));
}

export function headText({ shared = null, own = null }: KeyedStateHead): string {
  return `${HEAD}${JSON.stringify(shared)},"own":${JSON.stringify(own)},"entries":[`;
}

/** An entry with what comes before it. */
export function entryText(isFirst: boolean, hash: number, rest: readonly unknown[]): string {
  const inner = JSON.stringify(rest).slice(1);
  return `${isFirst ? "\n" : ",\n"}[${hash},${inner}`;
}

export function endText(): string {
  return END;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Deals one subtask's keyed state to `parallelism` new ones: each entry to hash % parallelism, the
 * shared part to all, its own part to the subtask `ownTo`.
 */
export function dealKeyedState(
  bytes: Uint8Array,
  parallelism: number,
  ownTo: number,
): readonly Uint8Array[] {
  const headEnd = bytes.indexOf(NEWLINE);
  const end = bytes.length - END.length;
  const head = JSON.parse(
    `${new TextDecoder().decode(bytes.subarray(0, headEnd))}]}`,
  ) as KeyedStateHead;
  const encoder = new TextEncoder();
  const hands = Array.from({ length: parallelism }, (_, subtask) => [
    encoder.encode(headText(subtask === ownTo ? head : { shared: head.shared })),
  ]);
  const comma = encoder.encode(",\n");
  const newline = comma.subarray(1);
  for (let from = headEnd + 1; from < end; ) {
    const found = bytes.indexOf(NEWLINE, from);
    const lineEnd = found < 0 || found > end ? end : found;
    const hand = hands[hashAt(bytes, from) % parallelism] as Uint8Array[];
    const hasComma = bytes[lineEnd - 1] === COMMA;
    hand.push(
      hand.length === 1 ? newline : comma,
      bytes.subarray(from, hasComma ? lineEnd - 1 : lineEnd),
    );
    from = lineEnd + 1;
  }
  const tail = encoder.encode(END);
  return hands.map((hand) => concat([...hand, tail]));
}

/** The number behind the bracket that a line begins with. */
function hashAt(bytes: Uint8Array, lineStart: number): number {
  let hash = 0;
  let at = bytes[lineStart] === OPEN_BRACKET ? lineStart + 1 : lineStart;
  for (let digit = bytes[at]; digit !== undefined && digit !== COMMA; digit = bytes[++at]) {
    hash = hash * 10 + (digit - 48);
  }
  return hash;
}
