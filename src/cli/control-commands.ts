import type { CompletedCheckpoint } from "../checkpoint/index.js";
import { absoluteAddress } from "../checkpoint/storage-address.js";
import { askJob, type FoundJob, findJob, findJobs, type JobReport } from "../control/index.js";
import { HeadwaterError } from "../errors/index.js";
import { printable } from "../errors/printable.js";
import { RealClock } from "../mailbox/index.js";
import { parseDuration } from "../options/duration.js";
import { checkpointLines, checkpointsOf } from "./checkpoint-list.js";
import { formatBytes } from "./format.js";
import { JOB_COLUMNS, jobCells } from "./job-cells.js";
import { reportLines } from "./report-lines.js";
import { jsonText, table } from "./table.js";

/** How long a job may take to say how it is doing, in milliseconds. */
const STATUS_TIMEOUT = 5000;
/** How long to wait for a savepoint or an end: as long as a checkpoint may take, and a little. */
const DEFAULT_TIMEOUT = 630_000;

const clock = new RealClock();
const QUICK = { clock, timeout: STATUS_TIMEOUT };

/** Of commands whose result is for people or for programs. */
export interface OutputArguments {
  readonly json?: boolean;
}

/** Of commands that wait for the job. */
export interface WaitArguments {
  readonly timeout?: string;
}

/** The running jobs of this user, one line each. */
export async function listCommand({ json }: OutputArguments): Promise<void> {
  const jobs = await findJobs(QUICK);
  if (json === true) print(jsonText(jobs.map(jobData)));
  else if (jobs.length === 0) say("no jobs run here");
  else print(table([[...JOB_COLUMNS, "CHECKPOINTS"], ...jobs.map(row)]));
}

/** How one job is doing, with its subtasks. */
export async function statusCommand(job: string, { json }: OutputArguments): Promise<void> {
  const found = await findJob(job, QUICK);
  const report = reportOf(found);
  print(json === true ? jsonText(jobData(found)) : reportLines(found.id, report));
}

/** Takes a savepoint and prints where it lies. */
export async function savepointCommand(
  job: string,
  target: string | undefined,
  args: WaitArguments,
): Promise<void> {
  const { id, path } = await findJob(job, QUICK);
  const { checkpoint } = await askJob(path, { type: "savepoint", ...absolute(target) }, wait(args));
  print(checkpoint.location);
  say(`${id} goes on; its ${described(checkpoint)} is durable`);
}

/** Stops a job with a savepoint and prints where it lies. */
export async function stopCommand(
  job: string,
  target: string | undefined,
  args: WaitArguments & { readonly drain?: boolean },
): Promise<void> {
  const { id, path } = await findJob(job, QUICK);
  const request = { type: "stop", drain: args.drain === true, ...absolute(target) } as const;
  const { checkpoint } = await askJob(path, request, wait(args));
  print(checkpoint.location);
  say(`${id} has stopped; its ${described(checkpoint)} is durable`);
}

/** Ends a job without a savepoint. */
export async function cancelCommand(job: string, args: WaitArguments): Promise<void> {
  const { id, path } = await findJob(job, QUICK);
  await askJob(path, { type: "cancel" }, wait(args));
  say(`${id} is cancelled`);
}

/** Of `headwater inspect`. */
export interface InspectJobArguments {
  readonly port?: number;
  readonly token?: string;
}

/** Attaches an inspector to a running job and prints its address; without a name, to the only one. */
export async function inspectJobCommand(
  job: string | undefined,
  { port, token }: InspectJobArguments,
): Promise<void> {
  const { id, path } = job === undefined ? await onlyJob() : await findJob(job, QUICK);
  const options = { ...(port !== undefined && { port }), ...(token !== undefined && { token }) };
  const { url } = await askJob(path, { type: "inspect", ...options }, QUICK);
  print(url);
  say(`${id} shows itself there until it ends`);
}

async function onlyJob(): Promise<FoundJob> {
  const jobs = await findJobs(QUICK);
  const [job] = jobs;
  if (job !== undefined && jobs.length === 1) return job;
  throw new HeadwaterError(
    "ILLEGAL_ARGUMENT",
    job === undefined ? "no job runs here" : `${jobs.length} jobs run here`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: job === undefined ? "headwater run starts one." : "Say which: headwater inspect <job>.",
    },
  );
}

/** The checkpoints and savepoints that a job can go on from. */
export async function checkpointsCommand(job: string, { json }: OutputArguments): Promise<void> {
  const found = await findJob(job, QUICK);
  const report = reportOf(found);
  const checkpoints = await checkpointsOf(report);
  if (json === true) print(jsonText({ metrics: report.checkpointMetrics, checkpoints }));
  else print(checkpointLines(found.id, report, checkpoints));
}

function jobData({ id, path, report, problem }: FoundJob): object {
  return { id, socket: path, ...(report === undefined ? { problem } : report) };
}

function row(job: FoundJob): readonly string[] {
  return jobCells(job, ({ status }) => [String(status.completedCheckpoints)]);
}

function reportOf({ id, report, problem }: FoundJob): JobReport {
  if (report !== undefined) return report;
  throw new HeadwaterError("CONNECTION_FAILED", `${id} gives no report: ${problem}`, {
    domain: "external",
    retry: "backoff",
    scope: "job",
  });
}

/** The job has a working directory of its own. */
function absolute(target: string | undefined): { readonly target?: string } {
  return target === undefined ? {} : { target: absoluteAddress(target) };
}

function wait({ timeout }: WaitArguments): { readonly clock: RealClock; readonly timeout: number } {
  return {
    clock,
    timeout: timeout === undefined ? DEFAULT_TIMEOUT : parseDuration(timeout, "--timeout"),
  };
}

function described({ checkpointId, bytes }: CompletedCheckpoint): string {
  return `savepoint ${checkpointId} (${formatBytes(bytes)})`;
}

function print(text: string | readonly string[]): void {
  const lines = typeof text === "string" ? [text] : text;
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

function say(message: string): void {
  process.stderr.write(`${printable(message)}\n`);
}
