import type { Counter, MetricGroup, MetricReading, MetricsSnapshot } from "../api/metrics.js";

class SimpleCounter implements Counter {
  count = 0;

  inc(n = 1): void {
    this.count += n;
  }
}

/** What a group's metrics are about, apart from its name. */
interface Place {
  readonly depth: number;
  readonly scope: string;
  readonly labels: Readonly<Record<string, string>>;
}

const ROOT: Place = { depth: 0, scope: "", labels: {} };

class RegisteredGroup implements MetricGroup {
  readonly name: string;
  readonly place: Place;
  readonly #counters = new Map<string, SimpleCounter>();
  readonly #gauges = new Map<string, () => number>();
  readonly #groups = new Map<string, RegisteredGroup>();
  readonly #remove: () => void;

  constructor(name: string, place: Place, remove: () => void) {
    this.name = name;
    this.place = place;
    this.#remove = remove;
  }

  counter(name: string): Counter {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = new SimpleCounter();
      this.#counters.set(name, counter);
    }
    return counter;
  }

  gauge(name: string, read: () => number): void {
    this.#gauges.set(name, read);
  }

  group(name: string, value?: string): MetricGroup {
    const group = this.#child(name, () => placeBelow(this, name));
    if (value === undefined) return group;
    const { depth, scope, labels } = group.place;
    return group.#child(value, () => ({
      depth: depth + 1,
      scope,
      labels: { ...labels, [name]: value },
    }));
  }

  close(): void {
    this.#remove();
  }

  #child(name: string, place: () => Place): RegisteredGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      const created = new RegisteredGroup(name, place(), () => {
        if (this.#groups.get(name) === created) this.#groups.delete(name);
      });
      group = created;
      this.#groups.set(name, group);
    }
    return group;
  }

  collect(prefix: string, into: Record<string, number>): void {
    for (const [name, counter] of this.#counters) into[prefix + name] = counter.count;
    for (const [name, read] of this.#gauges) into[prefix + name] = numberOf(read);
    for (const [name, group] of this.#groups) group.collect(`${prefix}${name}.`, into);
  }

  read(into: MetricReading[]): void {
    const { scope, labels } = this.place;
    for (const [name, { count: value }] of this.#counters) {
      into.push({ scope, name, labels, kind: "counter", value });
    }
    for (const [name, read] of this.#gauges) {
      into.push({ scope, name, labels, kind: "gauge", value: numberOf(read) });
    }
    for (const group of this.#groups.values()) group.read(into);
  }
}

/** A gauge that fails must not take the others with it, nor the job whose last values are read. */
function numberOf(read: () => number): number {
  try {
    const value: unknown = read();
    return typeof value === "number" ? value : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

/**
 * A job's groups have values in their names: `<pipeline>.subtask.<n>` and `<pipeline>.coordinator`;
 * below a subtask a hybrid source has `source-<n>`.
 */
function placeBelow(parent: RegisteredGroup, name: string): Place {
  const { scope, labels } = parent.place;
  const depth = parent.place.depth + 1;
  if (depth === 2) {
    const subtask = /^subtask\.(\d+)$/.exec(name)?.[1];
    if (subtask !== undefined) {
      return { depth, scope: "subtask", labels: { pipeline: parent.name, subtask } };
    }
    if (name === "coordinator") return { depth, scope: name, labels: { pipeline: parent.name } };
  }
  const source = depth > 2 ? /^source-(\d+)$/.exec(name)?.[1] : undefined;
  if (source !== undefined) {
    return { depth, scope: `${scope}.source`, labels: { ...labels, source } };
  }
  return { depth, scope: scope === "" ? name : `${scope}.${name}`, labels };
}

/** Holds a job's metrics; reading them happens only when a snapshot is asked for. */
export class MetricRegistry {
  readonly #root = new RegisteredGroup("", ROOT, () => {});

  root(): MetricGroup {
    return this.#root;
  }

  /** Every metric's value now, by its full dotted name. */
  snapshot(): MetricsSnapshot {
    const values: Record<string, number> = {};
    this.#root.collect("", values);
    return values;
  }

  /** Every metric's value now, with what it is about, in the order of registration. */
  readings(): readonly MetricReading[] {
    const readings: MetricReading[] = [];
    this.#root.read(readings);
    return readings;
  }
}
