import type { Measurement } from "./measure.js";

/** How much work there is; the numbers are for each part, at the end of which it is measured. */
export interface SoakPlan {
  readonly measurements: number;
  readonly checkpoints: number;
  readonly restarts: number;
  readonly files: number;
  readonly ordersPerFile: number;
}

/** What has been done until a measurement, and what the process holds then. */
export interface SoakMeasurement extends Measurement {
  readonly checkpoints: number;
  readonly restarts: number;
  readonly files: number;
}
