import type { MetricReading } from "../api/metrics.js";

/** What metrics are read of: the handle of a running job. */
export interface MeteredJob {
  readonly jobName: string;
  /** Settles when the job has ended. */
  readonly done: Promise<unknown>;
  /** Every metric's value now. */
  metricReadings(): readonly MetricReading[];
}
