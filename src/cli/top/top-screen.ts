import type { FoundJob, JobReport, SubtaskLoad } from "../../control/index.js";
import { explain, fromErrorInfo } from "../../errors/index.js";
import { printable } from "../../errors/printable.js";
import { formatBytes, formatCount, formatDuration, formatTimestamp } from "../format.js";
import { JOB_COLUMNS, jobCells } from "../job-cells.js";
import { table } from "../table.js";

/** What the screen shows at one moment. */
export interface TopView {
  readonly jobs: readonly FoundJob[];
  /** Job id → records per second between the last two looks; absent: there was one look only. */
  readonly rates: ReadonlyMap<string, number>;
  /** The id of the job that is shown with all it has. */
  readonly selected: string | undefined;
  /** What went wrong last, or how to go on. */
  readonly note: string;
}

/** A line, and how it stands out. */
export interface TopLine {
  readonly text: string;
  readonly style: "plain" | "heading" | "selected" | "warning";
}

/** How many columns and rows there are; without it nothing is cut. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** A line for each row of the screen, none wider or more than it has; text of jobs is made printable. */
export function topScreen(view: TopView, size?: ScreenSize): readonly TopLine[] {
  const { jobs, note } = view;
  const count = `${jobs.length} ${jobs.length === 1 ? "job" : "jobs"}`;
  const chosen = jobs.find(({ id }) => id === view.selected) ?? jobs[0];
  const lines = [
    plain(printable(["headwater top", count, note].filter((part) => part !== "").join(" · "))),
    ...(jobs.length === 0 ? [plain("no jobs run here")] : jobLines(view, chosen)),
    ...(chosen?.report === undefined ? [] : detailLines(chosen.id, chosen.report)),
  ];
  if (size === undefined) return lines;
  return lines
    .slice(0, Math.max(1, size.rows))
    .map(({ text, style }) => ({ text: cut(text, size.columns), style }));
}

function plain(text: string): TopLine {
  return { text, style: "plain" };
}

function jobLines({ jobs, rates }: TopView, chosen: FoundJob | undefined): readonly TopLine[] {
  const rows = table([
    [...JOB_COLUMNS, "REC/S", "LAG", "CHECKPOINTS", "RESTARTS"],
    ...jobs.map((job) => jobRow(job, rates)),
  ]);
  return rows.map((text, index) => {
    if (index === 0) return { text, style: "heading" };
    const isChosen = jobs.length > 1 && jobs[index - 1]?.id === chosen?.id;
    return { text, style: isChosen ? "selected" : "plain" };
  });
}

function jobRow(job: FoundJob, rates: ReadonlyMap<string, number>): readonly string[] {
  return jobCells(job, (report) => [
    formatCount(rates.get(job.id) ?? rateOf(report)),
    formatLag(Math.max(-1, ...(report.loads ?? []).map((load) => load.watermarkLag))),
    String(report.status.completedCheckpoints),
    String(report.status.restarts),
  ]);
}

/** Over the last minute, of what the subtasks say; of all its life where they say nothing. */
function rateOf({ loads, records, uptime }: JobReport): number {
  if (loads === undefined || loads.length === 0) return (records / Math.max(1, uptime)) * 1000;
  return loads.reduce((sum, { recordsPerSecond }) => sum + recordsPerSecond, 0);
}

function detailLines(id: string, report: JobReport): readonly TopLine[] {
  const { status, pid, watermark, badRecords, subtasksLeftOut } = report;
  const { lastError } = status;
  const facts = [
    id,
    `process ${pid}`,
    `watermark ${formatTimestamp(watermark)}`,
    ...(badRecords === 0 ? [] : [`${formatCount(badRecords)} bad records`]),
    ...(status.restoredFrom === undefined ? [] : [`from ${status.restoredFrom}`]),
  ];
  return [
    plain(""),
    plain(printable(facts.join(" · "))),
    plain(checkpointLine(report)),
    ...(lastError === undefined ? [] : [warning(lastError)]),
    plain(""),
    ...section(subtaskRows(report)),
    ...(subtasksLeftOut === 0 ? [] : [plain(`and ${formatCount(subtasksLeftOut)} more subtasks`)]),
    ...slowLines(report),
  ];
}

function warning(lastError: NonNullable<JobReport["status"]["lastError"]>): TopLine {
  const text = explain(fromErrorInfo(lastError)).split("\n")[0];
  return { text: `last error: ${text}`, style: "warning" };
}

function section(rows: readonly (readonly string[])[]): readonly TopLine[] {
  return table(rows).map((text, index) => ({ text, style: index === 0 ? "heading" : "plain" }));
}

function checkpointLine({ checkpointMetrics, status }: JobReport): string {
  const of = (name: string): number => checkpointMetrics[`checkpoint.${name}`] ?? 0;
  const parts = [
    `checkpoints: ${of("numberOfCompletedCheckpoints")} completed`,
    `${of("numberOfFailedCheckpoints")} failed`,
    `${of("numberOfInProgressCheckpoints")} under way`,
  ];
  const { lastCheckpoint: last } = status;
  if (last !== undefined) {
    const took = formatDuration(Math.max(0, of("lastCheckpointDuration")));
    parts.push(`last #${last.checkpointId} in ${took}, ${formatBytes(last.bytes)}`);
  }
  return printable(parts.join(" · "));
}

function subtaskRows({ status, loads = [] }: JobReport): readonly (readonly string[])[] {
  const rows = status.pipelines.flatMap(({ id, subtasks }) =>
    subtasks.map(({ subtask, attempt, status: one }) => {
      const name = `${id}/${subtask}${attempt > 0 ? ` (attempt ${attempt + 1})` : ""}`;
      if (one === undefined) return [name, "starting"];
      const load = loads.find((some) => some.pipeline === id && some.subtask === subtask);
      return [
        name,
        one.state === "RUNNING" ? one.mode : one.state,
        one.paused === 0 ? String(one.splits) : `${one.splits}, ${one.paused} paused`,
        formatCount(one.records),
        ...loadCells(load),
        formatTimestamp(one.watermark),
        [...(one.idle ? ["idle"] : []), ...(one.backPressured ? ["back-pressured"] : [])].join(" "),
      ];
    }),
  );
  const heading = ["SUBTASK", "MODE", "SPLITS", "RECORDS", "REC/S", "LAG", "PENDING"];
  return [[...heading, "BUSY", "IDLE", "HELD BACK", "WATERMARK", ""], ...rows];
}

function loadCells(load: SubtaskLoad | undefined): readonly string[] {
  if (load === undefined) return ["", "", "", "", "", ""];
  const { recordsPerSecond, watermarkLag, pendingRecords, busy, idle, backPressured } = load;
  return [
    formatCount(recordsPerSecond),
    formatLag(watermarkLag),
    pendingRecords === undefined ? "" : formatCount(pendingRecords),
    percent(busy),
    percent(idle),
    percent(backPressured),
  ];
}

function slowLines({ slowestSplits = [] }: JobReport): readonly TopLine[] {
  if (slowestSplits.length < 2) return [];
  const rows = slowestSplits.map(({ pipeline, subtask, split, watermark, paused }) => [
    split,
    `${pipeline}/${subtask}`,
    formatTimestamp(watermark),
    paused ? "paused" : "",
  ]);
  return [plain(""), ...section([["SLOWEST SPLITS", "SUBTASK", "WATERMARK", ""], ...rows])];
}

/** Of a second. */
function percent(ms: number): string {
  return `${Math.round(ms / 10)}%`;
}

function formatLag(ms: number): string {
  return ms < 0 ? "–" : formatDuration(ms);
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
