import { AssertionError } from "node:assert";
import { canonicalText } from "../lifecycle/canonical-text.js";

/** What a suite throws when a connector does something else than it has to. */
export function failed(message: string, cause?: unknown): AssertionError {
  const error = new AssertionError({ message });
  if (cause !== undefined) error.cause = cause;
  return error;
}

/** Throws when the condition does not hold. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw failed(message);
}

/** Records that a message names. */
const SHOWN = 5;

/** How two bags of records differ, whatever their order; undefined: they do not. */
export function differenceOf<T>(
  expected: readonly T[],
  actual: readonly T[],
  textOf: (record: T) => string = canonicalText,
): string | undefined {
  const balance = new Map<string, number>();
  for (const record of expected) add(balance, textOf(record), 1);
  for (const record of actual) add(balance, textOf(record), -1);
  const missing = entries(balance, (n) => n > 0);
  const surplus = entries(balance, (n) => n < 0);
  if (missing.length + surplus.length === 0) return undefined;
  const parts = [`${actual.length} records instead of ${expected.length}`];
  if (missing.length > 0) parts.push(`missing: ${shown(missing)}`);
  if (surplus.length > 0) parts.push(`too many: ${shown(surplus)}`);
  return parts.join("; ");
}

function add(balance: Map<string, number>, text: string, by: number): void {
  balance.set(text, (balance.get(text) ?? 0) + by);
}

function entries(balance: ReadonlyMap<string, number>, is: (n: number) => boolean): string[] {
  return [...balance].flatMap(([text, n]) =>
    is(n) ? [Math.abs(n) > 1 ? `${text} × ${Math.abs(n)}` : text] : [],
  );
}

function shown(texts: readonly string[]): string {
  const rest = texts.length - SHOWN;
  return texts.slice(0, SHOWN).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
