import { createHash } from "node:crypto";
import { describeValue, illegalArgument } from "../../errors/index.js";

/** What has a content hash: plain data, the order of an object's keys apart. */
export type ContentHashable =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Date
  | Uint8Array
  | readonly ContentHashable[]
  | { readonly [key: string]: ContentHashable };

/** Deeper data is no record. */
const MAX_DEPTH = 100;

/**
 * The same 64 hexadecimal digits for the same content, in every process and release (SHA-256).
 *
 * As an id it lets a service recognise a record that comes again; two records that are equal count
 * as one. Properties that are undefined count as missing. Throws ILLEGAL_ARGUMENT, with the place,
 * for anything that is no plain data.
 */
export function contentHash(value: ContentHashable): string {
  return createHash("sha256")
    .update(canonical(value, "the value", 0))
    .digest("hex");
}

/** Text that is equal exactly for equal values; each kind of value begins with a mark of its own. */
function canonical(value: unknown, path: string, depth: number): string {
  if (depth > MAX_DEPTH)
    throw illegalArgument(`${path.slice(0, 80)}… is nested too deeply to hash`);
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "boolean":
    case "undefined":
      return String(value);
    case "bigint":
      return `${value}n`;
    case "number":
      // -0 and 0 are equal.
      return value === 0 ? "0" : String(value);
    case "object":
      return value === null ? "null" : canonicalObject(value, path, depth);
    default:
      throw notPlain(value, path);
  }
}

function canonicalObject(value: object, path: string, depth: number): string {
  if (Array.isArray(value)) {
    const parts = Array.from(value, (one, i) => canonical(one, `${path}[${i}]`, depth + 1));
    return `[${parts.join(",")}]`;
  }
  if (value instanceof Date) return `d${value.getTime()}`;
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString("hex")}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw notPlain(value, path);
  const fields = value as Readonly<Record<string, unknown>>;
  const parts = Object.keys(fields)
    .filter((key) => fields[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(fields[key], `${path}.${key}`, depth + 1)}`);
  return `{${parts.join(",")}}`;
}

function notPlain(value: unknown, path: string): Error {
  const kind =
    typeof value === "object" && value !== null
      ? `a ${value.constructor?.name ?? "class instance"}`
      : describeValue(value);
  return illegalArgument(`${path} is ${kind}, which has no content hash: turn it into plain data`);
}
