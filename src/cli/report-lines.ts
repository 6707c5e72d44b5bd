import type { JobReport } from "../control/index.js";
import { explain, fromErrorInfo } from "../errors/index.js";
import { printable } from "../errors/printable.js";
import { formatBytes, formatCount, formatDuration, formatTimestamp } from "./format.js";
import { subtaskLines } from "./job-summary.js";

/** What `headwater status` says of a job. */
export function reportLines(id: string, report: JobReport): readonly string[] {
  const { status, pid, uptime, records, badRecords, watermark, subtasksLeftOut } = report;
  const { lastCheckpoint: last, lastError } = status;
  const facts: readonly (readonly [name: string, value: string | undefined])[] = [
    ["job", status.jobName],
    ["process", `${pid}, up ${formatDuration(uptime)}`],
    ["records", formatCount(records)],
    ["bad records", badRecords === 0 ? undefined : formatCount(badRecords)],
    ["watermark", formatTimestamp(watermark)],
    ["restored from", status.restoredFrom],
    ["checkpoints", String(status.completedCheckpoints)],
    ["last", last && `${last.kind.toLowerCase()} ${last.checkpointId}, ${formatBytes(last.bytes)}`],
    ["", last?.location],
    ["restarts", String(status.restarts)],
    ["last error", lastError && explain(fromErrorInfo(lastError)).split("\n")[0]],
  ];
  return [
    `${id} ${status.state}`,
    ...facts.flatMap(([name, value]) =>
      value === undefined ? [] : [`  ${name.padEnd(13)}  ${value}`],
    ),
    ...subtaskLines(status),
    ...(subtasksLeftOut > 0 ? [`  and ${formatCount(subtasksLeftOut)} more subtasks`] : []),
  ].map(printable);
}
