import { isSecretName, REDACTED, withoutSecrets } from "../errors/index.js";

/** Text behind this is cut: a message may have a record in it. */
const MAX_TEXT = 4000;
const MAX_DEPTH = 6;
const MAX_ENTRIES = 100;

/** A text without what looks like a password, token or key in it. */
export function redactText(text: string): string {
  return text.length > MAX_TEXT ? `${withoutSecrets(text, MAX_TEXT)}…` : withoutSecrets(text);
}

/** Plain data without the values of secret fields; deep and long data is cut. */
export function redactFields(fields: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .slice(0, MAX_ENTRIES)
      .map(([name, value]) => [
        name,
        isSecretName(name) && value !== undefined ? REDACTED : redactValue(value, depth + 1),
      ]),
  );
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return String(value);
  // JSON has no infinite watermarks.
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return "…";
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ENTRIES).map((one) => redactValue(one, depth + 1));
  }
  return redactFields(value, depth);
}
