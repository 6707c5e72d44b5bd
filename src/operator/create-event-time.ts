import type { SourceSplit } from "../api/source-split.js";
import {
  type BackPressuredClocks,
  NoOpTimestampsAndWatermarks,
  type PausableRelativeClock,
  ProgressiveTimestampsAndWatermarks,
  type TimestampsAndWatermarks,
} from "../eventtime/index.js";
import type { SourceOperatorOptions } from "./source-operator-options.js";

/** Event time as the operator's options want it: progressive, or none before the end of the input. */
export function createEventTime<T, SplitT extends SourceSplit>(
  options: SourceOperatorOptions<T, SplitT>,
  mainInputActivityClock: PausableRelativeClock,
  backPressure: BackPressuredClocks,
): TimestampsAndWatermarks<T> {
  const { watermarkStrategy: strategy, processingTime, autoWatermarkInterval } = options;
  const shared = { strategy, processingTime, mainInputActivityClock, backPressure };
  return options.emitProgressiveWatermarks
    ? new ProgressiveTimestampsAndWatermarks({ ...shared, autoWatermarkInterval })
    : new NoOpTimestampsAndWatermarks(strategy, mainInputActivityClock);
}
