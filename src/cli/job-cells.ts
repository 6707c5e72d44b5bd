import type { FoundJob, JobReport } from "../control/index.js";
import { formatCount, formatDuration } from "./format.js";

/** The first columns of a table of jobs. */
export const JOB_COLUMNS = ["ID", "JOB", "STATE", "UP", "RECORDS"] as const;

/** A job in a table of jobs: JOB_COLUMNS, then what `more` says of one that answers. */
export function jobCells(
  { id, report, problem }: FoundJob,
  more: (report: JobReport) => readonly string[],
): readonly string[] {
  if (report === undefined) return [id, "", `no answer: ${problem}`];
  const { status, uptime, records } = report;
  const { jobName, state } = status;
  return [id, jobName, state, formatDuration(uptime), formatCount(records), ...more(report)];
}
