import { isSecretName, REDACTED, withoutSecrets } from "../errors/index.js";

/** How much of a value is shown; what is beyond it is cut and marked. */
export interface ProjectionLimits {
  readonly depth: number;
  /** Objects, arrays and leaves in all. */
  readonly values: number;
  /** Items of one array, map or set, and keys of one object. */
  readonly items: number;
  /** Characters of one string. */
  readonly text: number;
  /** Bytes of one buffer. */
  readonly bytes: number;
  /** Names whose values are secret, beside those that always are. */
  readonly redact: readonly string[];
}

/** What a page can show of a context or an event. */
export const SHOWN: ProjectionLimits = {
  depth: 8,
  values: 2000,
  items: 100,
  text: 1000,
  bytes: 256,
  redact: [],
};

/**
 * A value as plain JSON data: bounded, without cycles and secrets. Never throws, whatever the value.
 *
 * What JSON has not becomes an object with one mark: `$number` (NaN and infinities), `$bigint`, `$date`,
 * `$map`, `$set`, `$bytes` (base64, with `length`), `$error`, `$function`, `$symbol`, `$cycle`. What was
 * cut off is marked too: `$more` counts items or keys, `$cut` characters or bytes, `$deep` stands for
 * what lies too deep. An own key that begins with `$` gets a second one. `unproject` is the way back.
 */
export function project(value: unknown, limits: ProjectionLimits = SHOWN): unknown {
  return new Projection(limits).value(value, limits.depth);
}

class Projection {
  readonly #limits: ProjectionLimits;
  readonly #redact: ReadonlySet<string>;
  readonly #above = new Set<object>();
  #left: number;

  constructor(limits: ProjectionLimits) {
    this.#limits = limits;
    this.#redact = new Set(limits.redact.map((name) => name.toLowerCase()));
    this.#left = limits.values;
  }

  value(value: unknown, depth: number): unknown {
    this.#left--;
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : { $number: numberText(value) };
      case "boolean":
        return value;
      case "undefined":
        return null;
      case "bigint":
        return { $bigint: value.toString() };
      case "function":
        return { $function: safely(() => value.name, "") };
      case "symbol":
        return { $symbol: String(value.description ?? "") };
      case "object":
        return value === null ? null : this.#object(value, depth);
    }
  }

  #object(value: object, depth: number): unknown {
    if (this.#above.has(value)) return { $cycle: true };
    if (depth <= 0 || this.#left <= 0) return { $deep: safely(() => nameOf(value), "Object") };
    this.#above.add(value);
    try {
      return this.#contents(value, depth - 1);
    } catch {
      // A getter or a proxy of somebody's.
      return { $error: { name: "Error", message: "cannot be read" } };
    } finally {
      this.#above.delete(value);
    }
  }

  #contents(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.#items(value, value.length, depth);
    if (value instanceof Date) return { $date: safely(() => value.toISOString(), "invalid") };
    if (value instanceof Map) {
      const entries = this.#items(value, value.size, depth, (entry) => this.#entry(entry, depth));
      return { $map: entries };
    }
    if (value instanceof Set) return { $set: this.#items(value, value.size, depth) };
    if (ArrayBuffer.isView(value)) {
      return this.#bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    }
    if (value instanceof ArrayBuffer) return this.#bytes(new Uint8Array(value));
    if (value instanceof Error) {
      const { name, message } = value;
      const cause = value.cause === undefined ? {} : { cause: this.value(value.cause, depth) };
      return { $error: { name: String(name), message: this.#text(String(message)), ...cause } };
    }
    return this.#fields(value, depth);
  }

  #fields(value: object, depth: number): unknown {
    const { items } = this.#limits;
    const projected: Record<string, unknown> = {};
    let count = 0;
    let left = 0;
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      if (count >= items || this.#left <= 0) {
        left++;
        // Counting is cheap, but not without end.
        if (left > 1_000_000) break;
        continue;
      }
      const field = (value as Record<string, unknown>)[key];
      if (field === undefined) continue;
      count++;
      const name = key.startsWith("$") ? `$${key}` : this.#key(key);
      projected[name] = this.#isSecret(key) && field !== null ? REDACTED : this.value(field, depth);
    }
    if (left > 0) projected.$more = left;
    return projected;
  }

  /** Where the key of a map says that it is a secret, the value goes as that of an object would. */
  #entry(entry: unknown, depth: number): unknown {
    const [key, value] = entry as [unknown, unknown];
    const isSecret = typeof key === "string" && this.#isSecret(key);
    return [this.value(key, depth), isSecret ? REDACTED : this.value(value, depth)];
  }

  #items(
    items: Iterable<unknown>,
    size: number,
    depth: number,
    item = (one: unknown) => this.value(one, depth),
  ): unknown[] {
    const projected: unknown[] = [];
    for (const one of items) {
      if (projected.length >= this.#limits.items || this.#left <= 0) break;
      projected.push(item(one));
    }
    if (size > projected.length) projected.push({ $more: size - projected.length });
    return projected;
  }

  #bytes(bytes: Uint8Array): unknown {
    const kept = bytes.subarray(0, this.#limits.bytes);
    const $bytes = Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength).toString("base64");
    const cut = bytes.length - kept.length;
    return { $bytes, length: bytes.length, ...(cut > 0 && { $cut: cut }) };
  }

  #text(text: string): string {
    const { text: limit } = this.#limits;
    if (text.length <= limit) return withoutSecrets(text);
    return `${withoutSecrets(text, limit)}…(${text.length - limit} more)`;
  }

  #key(key: string): string {
    return key.length > this.#limits.text ? `${key.slice(0, this.#limits.text)}…` : key;
  }

  #isSecret(key: string): boolean {
    return isSecretName(key) || this.#redact.has(key.toLowerCase());
  }
}

/** The way back from `project`, of what was not cut, redacted, a function or a symbol. */
export function unproject(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unproject);
  if (typeof value !== "object" || value === null) return value;
  const marked = value as Readonly<Record<string, unknown>>;
  if (typeof marked.$number === "string") return Number(marked.$number);
  if (typeof marked.$bigint === "string") return BigInt(marked.$bigint);
  if (typeof marked.$date === "string") return new Date(marked.$date);
  if (typeof marked.$bytes === "string")
    return new Uint8Array(Buffer.from(marked.$bytes, "base64"));
  if (Array.isArray(marked.$map)) return new Map(unproject(marked.$map) as [unknown, unknown][]);
  if (Array.isArray(marked.$set)) return new Set(unproject(marked.$set) as unknown[]);
  return Object.fromEntries(
    Object.entries(marked).map(([key, field]) => [
      key.startsWith("$$") ? key.slice(1) : key,
      unproject(field),
    ]),
  );
}

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function nameOf(value: object): string {
  return value.constructor?.name ?? "Object";
}

function safely<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
