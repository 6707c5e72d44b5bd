import type { Json } from "./protocol.js";

/** Steps whose presence counts, not their text: Flink's errors are Java's. */
const ERROR_KEYS = new Set(["error", "afterError", "fatal", "jobFailed"]);

/**
 * A step of a trace in the form in which two traces are compared.
 *
 * Keys in order, empty values left out. The size of Java-serialised splits and the order of Java's
 * hash maps in a reader's snapshot are the JVM's own and do not count.
 */
export function normalize(kind: string, value: Json, key = ""): Json {
  if (ERROR_KEYS.has(key)) return isEmpty(value) ? undefined : true;
  if (typeof value === "string") return value.startsWith("error:") ? "error:" : value;
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? value : String(BigInt(Math.trunc(value)));
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => normalize(kind, item));
    return kind === "reader" && key === "state"
      ? items.sort((a, b) => Number(a?.id) - Number(b?.id))
      : items;
  }
  if (value === null || typeof value !== "object") return value ?? undefined;
  const result: Record<string, Json> = {};
  for (const name of Object.keys(value).sort()) {
    if (kind === "coordinator" && name === "bytes") continue;
    const item = normalize(kind, value[name], name);
    if (!isEmpty(item)) result[name] = item;
  }
  return result;
}

function isEmpty(value: Json): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object") return false;
  return Array.isArray(value) ? value.length === 0 : Object.values(value).every(isEmpty);
}
