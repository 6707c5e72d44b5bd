import type { Logger } from "pino";
import { explain, HeadwaterError } from "../errors/index.js";
import { RealClock } from "../mailbox/index.js";
import { type JobHandle, type RunOptions, runDefinition } from "../runtime/index.js";
import { failOnceAt } from "../runtime/injected-failure.js";
import { TERMINAL_STATES } from "../runtime/job-status.js";
import { formatCount, formatDuration } from "./format.js";
import { totals } from "./job-summary.js";
import { loadJob } from "./load-job.js";
import { Progress } from "./progress.js";

/** What `headwater run` was told, as commander gives it. */
export interface RunArguments {
  readonly parallelism?: number;
  readonly checkpointDir?: string;
  readonly checkpointInterval?: string;
  readonly fromSavepoint?: string;
  readonly resume?: boolean;
  readonly allowNonRestoredState?: boolean;
  readonly failAt?: number;
  readonly progress: boolean;
}

/** How the process ends. */
export type ExitCode = 0 | 1 | 130;

/** Loads a job file, runs the job and shows how it goes; Ctrl-C stops it with a savepoint. */
export async function runCommand(file: string, args: RunArguments, log: Logger): Promise<ExitCode> {
  if (args.resume === true && args.checkpointDir === undefined) {
    throw new HeadwaterError("OPTION_INVALID", "--resume needs --checkpoint-dir", {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Give the directory in which the job kept its checkpoints.",
    });
  }
  const job = await loadJob(file);
  const change = args.failAt === undefined ? undefined : failOnceAt(args.failAt);
  const handle = await runDefinition(job, runOptions(args), change);
  log.info({ job: job.name, file }, "job started");
  announceStart(handle, args);
  const clock = new RealClock();
  const started = clock.relativeTime();
  const progress = args.progress
    ? new Progress(handle, { clock, out: process.stderr, results: process.stdout })
    : undefined;
  const interrupts = new Interrupts(handle, resumeCommand(file, args), log);
  try {
    const result = await handle.done;
    progress?.stop();
    const { records } = totals(result.status);
    const took = clock.relativeTime() - started;
    const outcome = result.savepoint === undefined ? result.state.toLowerCase() : "stopped";
    say(summary(handle.jobName, outcome, records, took, progress?.maxSkew ?? 0));
    log.info({ job: job.name, state: result.state, records }, "job ended");
    return interrupts.canceled ? 130 : 0;
  } catch (error) {
    progress?.stop();
    log.error({ job: job.name, err: error }, "job failed");
    throw error;
  } finally {
    interrupts.dispose();
  }
}

function runOptions(args: RunArguments): RunOptions {
  const checkpoint = {
    ...(args.checkpointDir === undefined ? {} : { directory: args.checkpointDir }),
    ...(args.checkpointInterval === undefined ? {} : { interval: args.checkpointInterval }),
  };
  return {
    checkpoint,
    ...(args.parallelism === undefined ? {} : { parallelism: args.parallelism }),
    ...(args.fromSavepoint === undefined ? {} : { fromSavepoint: args.fromSavepoint }),
    ...(args.resume === undefined ? {} : { resume: args.resume }),
    ...(args.allowNonRestoredState === undefined
      ? {}
      : { allowNonRestoredState: args.allowNonRestoredState }),
  };
}

function announceStart(handle: JobHandle, args: RunArguments): void {
  const from = handle.status().restoredFrom;
  if (from !== undefined) say(`${handle.jobName}: going on from ${from}`);
  else if (args.resume === true) {
    say(`${handle.jobName}: no checkpoint in ${args.checkpointDir}, starting from the beginning`);
  }
}

/** What to type to go on from a savepoint with the same options. */
function resumeCommand(file: string, args: RunArguments): (location: string) => string {
  if (process.env.npm_lifecycle_event === "start") return () => "npm start -- --resume";
  const options = [
    ["--parallelism", args.parallelism],
    ["--checkpoint-dir", args.checkpointDir],
    ["--checkpoint-interval", args.checkpointInterval],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  const start = ["headwater run", file, ...options].join(" ");
  return (location) => `${start} --from-savepoint ${location}`;
}

function summary(
  jobName: string,
  outcome: string,
  records: number,
  took: number,
  skew: number,
): string {
  const rate = (records / Math.max(1, took)) * 1000;
  return (
    `${jobName} ${outcome}: ${formatCount(records)} records in ${formatDuration(took)}` +
    ` (${formatCount(rate)}/s), event-time skew between splits at most ${formatDuration(skew)}`
  );
}

/** Messages of the command line itself; results go to standard output. */
function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Turns the first Ctrl-C into a stop with savepoint, and the second into a cancel. */
class Interrupts {
  canceled = false;
  readonly #handle: JobHandle;
  readonly #resumeCommand: (location: string) => string;
  readonly #log: Logger;
  #count = 0;
  readonly #listener = (): void => this.#interrupt();

  constructor(handle: JobHandle, resumeCommand: (location: string) => string, log: Logger) {
    this.#handle = handle;
    this.#resumeCommand = resumeCommand;
    this.#log = log;
    process.on("SIGINT", this.#listener);
    process.on("SIGTERM", this.#listener);
  }

  dispose(): void {
    process.off("SIGINT", this.#listener);
    process.off("SIGTERM", this.#listener);
  }

  #interrupt(): void {
    this.#count++;
    if (this.#count === 1) void this.#stop();
    else {
      this.canceled = true;
      void this.#handle.cancel();
    }
  }

  async #stop(): Promise<void> {
    say("stopping with a savepoint; press Ctrl-C again to cancel without one");
    try {
      const { location } = await this.#handle.stop();
      say(`stopped with savepoint ${location}\ngo on with: ${this.#resumeCommand(location)}`);
    } catch (error) {
      // Nobody waits for the savepoint of a job that was cancelled or has ended meanwhile.
      if (this.canceled || TERMINAL_STATES.has(this.#handle.status().state)) return;
      this.#log.error({ err: error }, "the savepoint failed");
      say(`the savepoint failed, the job goes on: ${explain(error)}`);
      this.#count = 0;
    }
  }
}
