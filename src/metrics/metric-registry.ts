import type { Counter, MetricGroup, MetricsSnapshot } from "../api/metrics.js";

class SimpleCounter implements Counter {
  count = 0;

  inc(n = 1): void {
    this.count += n;
  }
}

class RegisteredGroup implements MetricGroup {
  readonly #counters = new Map<string, SimpleCounter>();
  readonly #gauges = new Map<string, () => number>();
  readonly #groups = new Map<string, RegisteredGroup>();
  readonly #remove: () => void;

  constructor(remove: () => void) {
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

  group(name: string): MetricGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      const created = new RegisteredGroup(() => {
        if (this.#groups.get(name) === created) this.#groups.delete(name);
      });
      group = created;
      this.#groups.set(name, group);
    }
    return group;
  }

  close(): void {
    this.#remove();
  }

  collect(prefix: string, into: Record<string, number>): void {
    for (const [name, counter] of this.#counters) into[prefix + name] = counter.count;
    for (const [name, read] of this.#gauges) into[prefix + name] = read();
    for (const [name, group] of this.#groups) group.collect(`${prefix}${name}.`, into);
  }
}

/** Holds a job's metrics; reading them happens only when a snapshot is asked for. */
export class MetricRegistry {
  readonly #root = new RegisteredGroup(() => {});

  root(): MetricGroup {
    return this.#root;
  }

  /** Every metric's value now, by its full dotted name. */
  snapshot(): MetricsSnapshot {
    const values: Record<string, number> = {};
    this.#root.collect("", values);
    return values;
  }
}
