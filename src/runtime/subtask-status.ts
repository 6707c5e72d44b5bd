import type { SourceSplit } from "../api/source-split.js";
import type { SourceOperator } from "../operator/index.js";
import type { BadRecordHandler } from "./bad-records.js";
import type { SourceLoop } from "./source-loop.js";
import type { SubtaskStatus } from "./subtask-event.js";

/** Milliseconds between two reports to the job. */
export const REPORT_INTERVAL = 200;

/** Splits that a status lists: enough to look at, and cheap to report ten times a second. */
const LISTED_SPLITS = 256;

/** How an attempt is doing, from its parts; called in the subtask's loop. */
export function subtaskStatus(
  state: string,
  operator: SourceOperator<unknown, SourceSplit>,
  loop: SourceLoop,
  badRecords: BadRecordHandler,
): SubtaskStatus {
  loop.times.sample(loop.records);
  const watermarks = operator.someSplitWatermarks(LISTED_SPLITS);
  return {
    state,
    mode: operator.mode,
    records: loop.records,
    badRecords: badRecords.count,
    lastBadRecord: badRecords.last,
    watermark: loop.watermark,
    maxDesiredWatermark: operator.maxDesiredWatermark,
    idle: operator.idle,
    backPressured: loop.isBackPressured,
    splits: operator.numberOfSplits,
    paused: operator.pausedSplits.size,
    splitWatermarks: Object.fromEntries(watermarks),
    pausedSplits: watermarks.flatMap(([splitId]) =>
      operator.pausedSplits.has(splitId) ? [splitId] : [],
    ),
  };
}
