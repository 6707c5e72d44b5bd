import type { Logger } from "pino";
import {
  type Control,
  type ControlRequest,
  isControlSupported,
  openControl,
} from "../control/index.js";
import { explain, HeadwaterError } from "../errors/index.js";
import { RealClock } from "../mailbox/index.js";
import { type JobHandle, runDefinition } from "../runtime/index.js";
import { failOnceAt } from "../runtime/injected-failure.js";
import { pacedAt } from "../runtime/pace.js";
import { formatCount, formatDuration } from "./format.js";
import { Interrupts, stoppedWith } from "./interrupts.js";
import { badRecordsLine, totals } from "./job-summary.js";
import { loadJob } from "./load-job.js";
import { Progress } from "./progress.js";
import { type RunArguments, resumeCommand, runOptions } from "./run-options.js";
import { serveRunMetrics } from "./serve-run-metrics.js";
import type { SkewSamples } from "./skew-samples.js";
import { stayForPages } from "./stay-for-pages.js";

/** How the process ends: 130 is a cancelled job. */
export type ExitCode = 0 | 1 | 130;

/** Loads a job file, runs the job and shows how it goes; Ctrl-C stops it with a savepoint. */
export async function runCommand(file: string, args: RunArguments, log: Logger): Promise<ExitCode> {
  if (args.resume === true && args.checkpointDir === undefined) {
    throw new HeadwaterError("OPTION_INVALID", "--resume needs --checkpoint-dir", {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Give the directory, or the address in S3, where the job kept its checkpoints.",
    });
  }
  const { job, inspectPace } = await loadJob(file, args.jobArguments);
  const pace = paceOf(args, inspectPace);
  const logged = log.level === "silent" ? {} : { logger: log };
  const handle = await runDefinition(
    job,
    { ...runOptions(args), ...logged },
    changes(args.failAt, pace),
  );
  announceStart(handle, args);
  if (pace !== undefined && args.pace === undefined) {
    say(`slow motion: ${formatCount(pace)} records a second; --pace 0 for full speed`);
  }
  const clock = new RealClock();
  const started = clock.relativeTime();
  const progress = args.progress
    ? new Progress(handle, { clock, out: process.stderr, results: process.stdout })
    : undefined;
  const resume = resumeCommand(file, args);
  const interrupts = new Interrupts({
    handle,
    clock,
    log,
    resumeCommand: resume,
    say: (message) => (progress === undefined ? say(message) : progress.say(message)),
  });
  const tell = (message: string, details: object): void => {
    log.info({ job: job.name, ...details }, message);
    if (progress === undefined) say(message);
    else progress.say(message);
  };
  const control = await openSocket(handle, args, tell);
  const metrics = await serveRunMetrics(handle, args.metrics, tell);
  try {
    const result = await handle.done;
    if (result.savepoint !== undefined && !interrupts.stopped) {
      const { location } = result.savepoint;
      progress?.say(stoppedWith(location, resume));
      if (progress === undefined) say(stoppedWith(location, resume));
    }
    progress?.stop();
    const { records } = totals(result.status);
    const took = clock.relativeTime() - started;
    const outcome = result.savepoint === undefined ? result.state.toLowerCase() : "stopped";
    say(summary(handle.jobName, outcome, records, took, progress?.skew));
    const bad = badRecordsLine(result.status);
    if (bad !== undefined) say(bad);
    return interrupts.canceled || result.state === "CANCELED" ? 130 : 0;
  } catch (error) {
    progress?.stop();
    throw error;
  } finally {
    interrupts.dispose();
    await control?.close();
    await metrics?.close();
    await stayForPages(handle, { clock, isTerminal: process.stderr.isTTY === true, say });
  }
}

/** Nobody is kept waiting by a job file who does not look on. */
function paceOf({ inspect, pace }: RunArguments, shown: number | undefined): number | undefined {
  const chosen = pace ?? (inspect === undefined ? undefined : shown);
  return chosen === 0 ? undefined : chosen;
}

function changes(
  failAt: number | undefined,
  pace: number | undefined,
): NonNullable<Parameters<typeof runDefinition>[2]> {
  const failing = failAt === undefined ? undefined : failOnceAt(failAt);
  const paced = pace === undefined ? undefined : pacedAt(pace);
  return (pipelines) => {
    const changed = failing?.(pipelines) ?? pipelines;
    return paced?.(changed) ?? changed;
  };
}

/** Without its socket a job runs all the same, and says so. */
async function openSocket(
  handle: JobHandle,
  { control, checkpointDir }: RunArguments,
  tell: (message: string, details: object) => void,
): Promise<Control | undefined> {
  if (control === "off" || !isControlSupported()) return undefined;
  try {
    return await openControl(handle, {
      checkpointDirectory: checkpointDir,
      requested: (request) => tell(requestLine(request), { request }),
    });
  } catch (error) {
    tell(`the job runs without a control socket: ${explain(error)}`, { err: error });
    return undefined;
  }
}

function requestLine(request: ControlRequest): string {
  const drain = request.type === "stop" && request.drain ? " after draining" : "";
  return `another process asks for: ${request.type}${drain}`;
}

function announceStart(handle: JobHandle, args: RunArguments): void {
  const from = handle.status().restoredFrom;
  if (from !== undefined) say(`${handle.jobName}: going on from ${from}`);
  else if (args.resume === true) {
    say(`${handle.jobName}: no checkpoint in ${args.checkpointDir}, starting from the beginning`);
  }
}

function summary(
  jobName: string,
  outcome: string,
  records: number,
  took: number,
  skew: SkewSamples | undefined,
): string {
  const rate = (records / Math.max(1, took)) * 1000;
  return (
    `${jobName} ${outcome}: ${formatCount(records)} records in ${formatDuration(took)}` +
    ` (${formatCount(rate)}/s)${skew?.isNoticeable === true ? skewLine(skew) : ""}`
  );
}

/** The median: until every split has handed out its first records, none can be aligned. */
function skewLine(skew: SkewSamples): string {
  return `\nevent-time skew between the splits being read: median ${formatDuration(skew.median)}`;
}

/** Messages of the command line itself; results go to standard output. */
function say(message: string): void {
  process.stderr.write(`${message}\n`);
}
