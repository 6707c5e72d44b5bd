import { HeadwaterError } from "../errors/index.js";

/** Throws SERIALIZER_FAILED when an operator's state would not come back from JSON as it was. */
export function checkStateJson(operator: string, value: unknown, path: string): void {
  const mistake = jsonMistake(value, path, new Set());
  if (mistake !== undefined) throw stateNotJson(operator, mistake);
}

export function stateNotJson(operator: string, mistake: string): HeadwaterError {
  return new HeadwaterError(
    "SERIALIZER_FAILED",
    `the state of operator ${operator} is not JSON: ${mistake}`,
    {
      domain: "user",
      retry: "never",
      scope: "reader",
      hint: "Keep text, finite numbers, booleans, null, arrays and plain objects in state.",
    },
  );
}

/** Where and why a value is not plain JSON; `above` are the objects that it lies in. */
export function jsonMistake(value: unknown, path: string, above: Set<object>): string | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : `${path} is ${value}`;
    case "object":
      return value === null ? undefined : objectMistake(value, path, above);
    default:
      return `${path} is ${value === undefined ? "undefined" : `a ${typeof value}`}`;
  }
}

function objectMistake(value: object, path: string, above: Set<object>): string | undefined {
  if (above.has(value)) return `${path} holds itself`;
  if (!isJsonObject(value)) return `${path} is a ${value.constructor?.name ?? "object of a class"}`;
  const isArray = Array.isArray(value);
  above.add(value);
  for (const [key, member] of isArray ? value.entries() : Object.entries(value)) {
    // A property that is undefined reads the same when it is not there.
    if (member === undefined && !isArray) continue;
    const inner = isArray ? `${path}[${key}]` : `${path}.${key}`;
    const mistake = jsonMistake(member, inner, above);
    if (mistake !== undefined) return mistake;
  }
  above.delete(value);
  return undefined;
}

type JsonObject = readonly unknown[] | Readonly<Record<string, unknown>>;

/** Whether it is an array or a plain object, whatever is in it. */
export function isJsonObject(value: unknown): value is JsonObject {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
