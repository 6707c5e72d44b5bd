/** Counts upwards (Flink `Counter`). */
export interface Counter {
  inc(n?: number): void;
  readonly count: number;
}

/** Names and holds metrics (Flink `MetricGroup`). */
export interface MetricGroup {
  /** The counter of that name in this group, created on first use. */
  counter(name: string): Counter;
  /** Registers a value that is read when a snapshot is taken; a second gauge of a name replaces the first. */
  gauge(name: string, read: () => number): void;
  /** A sub-group; the same name gives the same group. */
  group(name: string): MetricGroup;
  /** Removes this group and everything in it from its parent. */
  close(): void;
}

/** Metrics at one moment: full dotted name → value. */
export type MetricsSnapshot = Readonly<Record<string, number>>;
