/**
 * A text that is the same for values that are the same: keys of objects, entries of sets and of maps
 * in order; BigInt, Map, Set, cycles, class instances and what JSON drops are kept apart.
 */
export function canonicalText(value: unknown): string {
  return textOf(value, []);
}

function textOf(value: unknown, path: readonly object[]): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return `function ${value.name}`;
    case "object": {
      const depth = path.indexOf(value);
      return depth >= 0 ? `<cycle ${path.length - depth}>` : ofObject(value, [...path, value]);
    }
    default:
      return String(value);
  }
}

function ofObject(value: object, path: readonly object[]): string {
  const text = (inner: unknown): string => textOf(inner, path);
  if (Array.isArray(value)) return `[${value.map(text).join(",")}]`;
  if (value instanceof Map) {
    const entries = [...value].map(([key, inner]) => `${text(key)}=>${text(inner)}`);
    return `Map{${entries.sort().join(",")}}`;
  }
  if (value instanceof Set) return `Set{${[...value].map(text).sort().join(",")}}`;
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof RegExp) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `${value.constructor.name}(${bytes.join(",")})`;
  }
  // An actor that the machine has started: what it is inside is not the machine's state.
  if ("sessionId" in value && "getSnapshot" in value)
    return `actor ${text(Reflect.get(value, "id"))}`;
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${text(Reflect.get(value, key))}`);
  const { name } = (value.constructor ?? Object) as { readonly name: string };
  return `${name === "Object" ? "" : name}{${fields.join(",")}}`;
}
