import { createHash } from "node:crypto";

/** File systems end at 255 bytes; the prefix, the id and a suffix need their share. */
const MAX_NAME_LENGTH = 150;

/**
 * A job's name as a file name on every system: letters, digits, `_`, `-` and inner dots stay, all
 * else is %-escaped. Different names give different file names; a long one is cut and ends in a hash.
 */
export function safeFileName(name: string): string {
  const escaped = [...Buffer.from(name, "utf8")].map(escapeByte).join("");
  const safe = escaped.replace(/^\./, "%2E").replace(/\.$/, "%2E");
  if (safe === "") return "%";
  if (safe.length <= MAX_NAME_LENGTH) return safe;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
  return `${safe.slice(0, MAX_NAME_LENGTH - 33)}~${hash}`;
}

function escapeByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9_.-]/.test(char)
    ? char
    : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** The directory of a job's own checkpoint. */
export function checkpointDirectory(checkpointId: number): string {
  return `chk-${checkpointId}`;
}

/** The directory of a savepoint. */
export function savepointDirectory(jobName: string, checkpointId: number): string {
  return `savepoint-${safeFileName(jobName)}-${checkpointId}`;
}

/** The id in a directory name that starts with `prefix`; undefined for any other name. */
export function idAfter(prefix: string, name: string): number | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const digits = name.slice(prefix.length);
  const id = Number(digits);
  return /^(0|[1-9]\d*)$/.test(digits) && Number.isSafeInteger(id) ? id : undefined;
}
