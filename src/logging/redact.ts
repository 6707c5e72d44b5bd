/** What stands where a secret was. */
const REDACTED = "[redacted]";

/** Fields and parameters whose values are nobody's business. */
const SECRET_NAME =
  "pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|authorization|api[-_]?key|(?:secret[-_]?)?access[-_]?key(?:[-_]?id)?|private[-_]?key|sasl[-_.]?jaas[-_.]?config";

const SECRET_FIELD = new RegExp(`(?:^|[-_.]|[a-z](?=[A-Z]))(?:${SECRET_NAME})$`, "i");
/** `password=…`, `"token": "…"`, `secretAccessKey: '…'`. */
const ASSIGNED = new RegExp(
  `((?:${SECRET_NAME})\\\\*["']?\\s*[=:]\\s*)(?!\\[redacted\\])("(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'|\\\\+"[^"]*"|[^\\s,;&)}\\]"']+)`,
  "gi",
);
/** `postgres://user:password@host`. */
const IN_ADDRESS = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/]+(?=@)/gi;
const SCHEME = /\b(Bearer|Basic)\s+[\w.~+/-]{6,}=*/g;
/** Text behind this is cut: a message may have a record in it. */
const MAX_TEXT = 4000;
/** So much more is looked at: a secret that the cut goes through is to be known as one. */
const MARGIN = 4000;
const MAX_DEPTH = 6;
const MAX_ENTRIES = 100;

/** A text without what looks like a password, token or key in it. */
export function redactText(text: string): string {
  const redacted = text
    .slice(0, MAX_TEXT + MARGIN)
    .replace(IN_ADDRESS, `$1${REDACTED}`)
    .replace(SCHEME, `$1 ${REDACTED}`)
    .replace(ASSIGNED, `$1${REDACTED}`);
  return text.length > MAX_TEXT ? `${redacted.slice(0, MAX_TEXT)}…` : redacted;
}

/** Plain data without the values of secret fields; deep and long data is cut. */
export function redactFields(fields: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .slice(0, MAX_ENTRIES)
      .map(([name, value]) => [
        name,
        SECRET_FIELD.test(name) && value !== undefined ? REDACTED : redactValue(value, depth + 1),
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
