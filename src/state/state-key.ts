import { describeValue, illegalArgument } from "../errors/index.js";

/** What keyed state is found by; make one text of a key with several parts. */
export type StateKey = string | number;

/** Throws ILLEGAL_ARGUMENT for what a checkpoint could not hold as a key. */
export function checkKey(operator: string, key: unknown): void {
  if (typeof key === "string" || (typeof key === "number" && Number.isFinite(key))) return;
  throw illegalArgument(
    `keyOf of operator ${operator} has returned ${describeValue(key)}: a key is text or a finite number`,
  );
}

/**
 * A whole number from 0 to 2^32 − 1 that is the same for a key in every process and release: where the
 * key's state goes when a job rescales (FNV-1a over the key's JSON, with a final mix).
 */
export function hashOfKey(key: StateKey): number {
  const text = JSON.stringify(key);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
