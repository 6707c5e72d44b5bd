import { canonicalText } from "./canonical-text.js";

/** Fewer values than this are no growth. */
const MANY = 16;
const MOST_KEYS = 5;

interface Seen {
  readonly values: Set<string>;
  first: unknown;
  last: unknown;
}

/** Which keys of these contexts take ever new values, those with the most first, as text. */
export function growingKeys(contexts: readonly unknown[]): string[] {
  const keys = new Map<string, Seen>();
  for (const context of contexts) {
    if (typeof context !== "object" || context === null) continue;
    for (const [key, value] of Object.entries(context)) {
      const seen = keys.get(key) ?? { values: new Set(), first: value, last: value };
      seen.values.add(canonicalText(value));
      seen.last = value;
      keys.set(key, seen);
    }
  }
  return [...keys]
    .filter(([, { values }]) => values.size >= MANY)
    .sort(([, a], [, b]) => b.values.size - a.values.size)
    .slice(0, MOST_KEYS)
    .map(
      ([key, { values, first, last }]) => `${key} (${values.size} values, ${span(first, last)})`,
    );
}

function span(first: unknown, last: unknown): string {
  return `${sizeOf(first)} … ${sizeOf(last)}`;
}

function sizeOf(value: unknown): string {
  if (Array.isArray(value)) return `${value.length} entries`;
  if (value instanceof Map || value instanceof Set) return `${value.size} entries`;
  if (typeof value === "object" && value !== null) return `${Object.keys(value).length} keys`;
  const text = canonicalText(value);
  return text.length > 30 ? `${text.slice(0, 30)}…` : text;
}
