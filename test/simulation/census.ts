/** Things that one collection of the framework holds. */
export interface Holding {
  /** The class and its field. */
  readonly where: string;
  readonly size: number;
}

type Fields = Readonly<Record<string, unknown>>;
type Track = (object: object, read: (object: object) => Fields, name: string) => void;

interface Tracked {
  readonly object: object;
  readonly read: (object: object) => Fields;
  readonly name: string;
}

/** How deep collections are looked into, and where counting ends. */
const MAX_DEPTH = 5;
const MAX_COUNT = 10_000;

let current: Census | undefined;

/**
 * Counts what the framework's objects hold in memory: every map, set, array and machine context in a
 * field of a class. Empty where classes do not report to it (see `census-hooks.ts`).
 */
export class Census {
  readonly #tracked: Tracked[] = [];

  /** From now on it hears of every object that is made, instead of the one before it. */
  begin(): void {
    current = this;
  }

  /** From now on nobody counts. */
  static none(): void {
    current = undefined;
  }

  track(object: object, read: Tracked["read"], name: string): void {
    this.#tracked.push({ object, read, name });
  }

  /** Fields that hold more than `limit` things. */
  above(limit: number): readonly Holding[] {
    const found = new Map<string, number>();
    for (const { object, read, name } of this.#tracked) {
      const fields = read(object);
      for (const field in fields) {
        const size = count(fields[field], 0, 0);
        const where = `${name}.${field}`;
        if (size > limit && size > (found.get(where) ?? 0)) found.set(where, size);
      }
    }
    return [...found].map(([where, size]) => ({ where, size }));
  }
}

const track: Track = (object, read, name) => current?.track(object, read, name);
Object.assign(globalThis, { headwaterCensus: track });

function count(value: unknown, sum: number, depth: number): number {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH || sum > MAX_COUNT) {
    return sum;
  }
  let total = sum;
  if (Array.isArray(value) || value instanceof Set) {
    for (const one of value) total = count(one, total + 1, depth + 1);
  } else if (value instanceof Map) {
    for (const one of value.values()) total = count(one, total + 1, depth + 1);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const name of Object.getOwnPropertyNames(value)) {
      // What a getter gives is held elsewhere.
      const field = Object.getOwnPropertyDescriptor(value, name)?.value;
      total = count(field, total, depth + 1);
    }
  } else if ("getSnapshot" in value && typeof value.getSnapshot === "function") {
    // A running machine.
    return count(value.getSnapshot().context, sum, depth + 1);
  }
  return total;
}
