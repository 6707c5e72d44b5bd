/** Stands for a secret. */
export const REDACTED = "[redacted]";

/** Names whose values are nobody's business, wherever in a name they stand. */
const SECRET_NAME =
  /passw|passphrase|\bpwd\b|secret|token$|credential|api[-_]?key|private[-_]?key|access[-_]?key|authorization|cookie|jaas|(?:^|[-_.])pass$/i;
/** The same at the end of a name of several words. */
const SECRET_WORD = /[a-z](?:Pass|Pwd)$/;

/** Before a value in a text. */
const ASSIGNED_NAME =
  "(?:pass(?:w(?:or)?d|phrase)?|pwd|secret|token|credentials?|authorization|signature|cookie|api[-_]?key|access[-_]?key(?:[-_]?id)?|private[-_]?key|jaas[-_.]?config)";
/** A quoted value may be cut, or be JSON within JSON. */
const ASSIGNED_VALUE =
  "(?:\"(?:[^\"\\\\]|\\\\.)*\"?|'(?:[^'\\\\]|\\\\.)*'?|\\\\+\"[^\"]*\"?|\\\\+'[^']*'?|[^\\s,;&)}\\]\"']+)";
/** `password=…`, `"token": "…"`, `secretAccessKey: '…'`. */
const ASSIGNED = new RegExp(
  `(${ASSIGNED_NAME}\\\\*["']?\\s*[=:]\\s*)(?!\\[redacted\\])${ASSIGNED_VALUE}`,
  "gi",
);
/** `postgres://user:password@host`. */
const IN_ADDRESS = /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]*:)[^\s/]+(?=@)/gi;
/** The same where the text was cut within the password. */
const AT_CUT = /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]*:)[^\s/]+$/i;
const SCHEME = /\b(Bearer|Basic)\s+[\w.~+/-]{6,}=*/g;
const MAY_HAVE_SECRETS = /[=:]|Bearer|Basic/;
/** So much more than is shown is looked at: a secret that the cut goes through is to be known as one. */
const MARGIN = 4000;

/** Whether a field, parameter or key of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) || SECRET_WORD.test(name);
}

/** A text without what looks like a password, token or key in it; `longest`: what is behind it is cut off. */
export function withoutSecrets(text: string, longest = Number.POSITIVE_INFINITY): string {
  const isCut = text.length > longest + MARGIN;
  const seen = isCut ? text.slice(0, longest + MARGIN) : text;
  if (!MAY_HAVE_SECRETS.test(seen)) return seen.slice(0, longest);
  const redacted = seen
    .replace(IN_ADDRESS, `$1${REDACTED}`)
    .replace(SCHEME, `$1 ${REDACTED}`)
    .replace(ASSIGNED, `$1${REDACTED}`);
  return (isCut ? redacted.replace(AT_CUT, `$1${REDACTED}`) : redacted).slice(0, longest);
}
