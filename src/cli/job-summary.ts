import type { Timestamp } from "../api/watermark.js";
import { explain } from "../errors/index.js";
import type { JobStatus, SubtaskStatus } from "../runtime/index.js";
import { formatBytes, formatCount, formatDuration, formatTimestamp } from "./format.js";

/** Sums over all subtasks of a job. */
export interface JobTotals {
  readonly records: number;
  /** Inputs that were no records. */
  readonly badRecords: number;
  /** The lowest watermark of all subtasks. */
  readonly watermark: Timestamp;
  /** How far apart the splits being read are (paused ones are held), in milliseconds of event time. */
  readonly skew: number;
}

export function totals(status: JobStatus): JobTotals {
  const subtasks = allSubtasks(status);
  const known = subtasks.flatMap(watermarksOfSplitsBeingRead);
  return {
    records: subtasks.reduce((sum, subtask) => sum + subtask.records, 0),
    badRecords: subtasks.reduce((sum, subtask) => sum + subtask.badRecords, 0),
    watermark: Math.min(...subtasks.map((subtask) => subtask.watermark)),
    skew: known.length < 2 ? 0 : Math.max(...known) - Math.min(...known),
  };
}

/** The job in one line. */
export function jobLine(status: JobStatus, rate: number): string {
  const { records, badRecords, watermark, skew } = totals(status);
  const last = status.lastCheckpoint;
  const parts = [
    `${status.jobName} ${status.state}`,
    `${formatCount(records)} records`,
    ...(badRecords > 0 ? [countBadRecords(badRecords)] : []),
    `${formatCount(rate)}/s`,
    `watermark ${formatTimestamp(watermark)}`,
    `skew ${formatDuration(skew)}`,
    `checkpoints ${status.completedCheckpoints}`,
  ];
  if (last !== undefined) parts.push(`last #${last.checkpointId} ${formatBytes(last.bytes)}`);
  if (status.restarts > 0) parts.push(`restarts ${status.restarts}`);
  return parts.join(" · ");
}

/** How many inputs were no records, and the last one; undefined when there was none. */
export function badRecordsLine(status: JobStatus): string | undefined {
  const bad = allSubtasks(status).flatMap(({ lastBadRecord }) => lastBadRecord ?? []);
  const [first, ...others] = bad;
  if (first === undefined) return undefined;
  const last = others.reduce((latest, one) => (one.time > latest.time ? one : latest), first);
  const { badRecords } = totals(status);
  const which = badRecords === 1 ? "" : ", the last";
  return `${countBadRecords(badRecords)}${which} in split ${explain(last.splitId)} at position ${last.position}: ${explain(last.message)}`;
}

function countBadRecords(count: number): string {
  return `${formatCount(count)} bad ${count === 1 ? "record" : "records"}`;
}

/** One line for each subtask: its operator's mode, its splits, its watermark. */
export function subtaskLines(status: JobStatus): readonly string[] {
  return status.pipelines.flatMap((pipeline) =>
    pipeline.subtasks.map(({ subtask, attempt, status: reported }) => {
      const name = `${pipeline.id}/${subtask}${attempt > 0 ? ` (attempt ${attempt + 1})` : ""}`;
      return `  ${name.padEnd(12)} ${reported === undefined ? "starting" : describe(reported)}`;
    }),
  );
}

function describe(subtask: SubtaskStatus): string {
  const { splits, paused } = subtask;
  const parts = [
    subtask.mode.padEnd(21),
    `${splits} ${splits === 1 ? "split" : "splits"}${paused > 0 ? `, ${paused} paused` : ""}`.padEnd(
      20,
    ),
    `${formatCount(subtask.records)} records`.padEnd(18),
    `watermark ${formatTimestamp(subtask.watermark)}`,
  ];
  if (subtask.badRecords > 0) parts.push(countBadRecords(subtask.badRecords));
  if (subtask.idle) parts.push("idle");
  if (subtask.backPressured) parts.push("back-pressured");
  return parts.join("  ");
}

function watermarksOfSplitsBeingRead({
  splitWatermarks,
  pausedSplits,
}: SubtaskStatus): readonly Timestamp[] {
  const paused = new Set(pausedSplits);
  return Object.entries(splitWatermarks).flatMap(([split, watermark]) =>
    Number.isFinite(watermark) && !paused.has(split) ? [watermark] : [],
  );
}

function allSubtasks(status: JobStatus): readonly SubtaskStatus[] {
  return status.pipelines.flatMap((pipeline) =>
    pipeline.subtasks.flatMap((subtask) => (subtask.status === undefined ? [] : [subtask.status])),
  );
}
