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
  /**
   * A sub-group; the same name gives the same group. With a value it is the sub-group of that value
   * below `name` (Flink `addGroup(key, value)`): in names one part more, in Prometheus and
   * OpenTelemetry a label, so that a thousand splits do not make a thousand names.
   */
  group(name: string, value?: string): MetricGroup;
  /** Removes this group and everything in it from its parent. */
  close(): void;
}

/** Whether a metric only grows, from 0 at the start of whoever counts. */
export type MetricKind = "counter" | "gauge";

/** One metric's value at one moment, its name apart from what it is about. */
export interface MetricReading {
  /** The groups without the values in them, joined by dots: `subtask.split`. */
  readonly scope: string;
  readonly name: string;
  /** The values: pipeline, subtask, split, topic, partition … */
  readonly labels: Readonly<Record<string, string>>;
  /** As it was registered. */
  readonly kind: MetricKind;
  readonly value: number;
}

/** Metrics at one moment: full dotted name → value. */
export type MetricsSnapshot = Readonly<Record<string, number>>;
