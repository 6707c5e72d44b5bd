import { describeValue, HeadwaterError } from "../errors/index.js";
import type { ActorSystem } from "../mailbox/index.js";
import { buildPipelines, type StreamEnvironment } from "./environment.js";
import type { JobHandle } from "./job-client.js";
import { parseRunOptions, type RunOptions } from "./job-options.js";
import type { Pipeline } from "./pipeline.js";
import { runJob } from "./run-job.js";

/** A job that can be run: in code with `run`, or as the default export of a job file. */
export interface JobDefinition {
  readonly name: string;
  /**
   * Starts the job; resolves with its handle as soon as its actors run. Await `handle.done` for the
   * end. Rejects with OPTION_INVALID, JOB_INVALID or what is wrong with the savepoint.
   */
  run(options?: RunOptions): Promise<JobHandle>;
}

const JOB = Symbol.for("headwater.job");

interface InternalJob extends JobDefinition {
  readonly [JOB]: (env: StreamEnvironment) => void;
}

/** Gives a job its name, under which its checkpoints are kept, and what it does. */
export function defineJob(name: string, build: (env: StreamEnvironment) => void): JobDefinition {
  if (typeof name !== "string" || name === "") {
    throw invalid(`defineJob got ${describeValue(name)} as the job's name`);
  }
  if (typeof build !== "function") {
    throw invalid(`defineJob("${name}") got ${describeValue(build)} instead of a build function`);
  }
  const job: InternalJob = {
    name,
    [JOB]: build,
    async run(options) {
      return runDefinition(job, options);
    },
  };
  return job;
}

/** Whether a value, such as a module's default export, is a job. */
export function isJobDefinition(value: unknown): value is JobDefinition {
  return typeof value === "object" && value !== null && JOB in value;
}

/**
 * Runs a job with its pipelines changed first, which is how the command line injects failures, and
 * in an actor system of the caller's, which is how tests see all of it.
 */
export async function runDefinition(
  job: JobDefinition,
  options: RunOptions | undefined,
  change: (pipelines: readonly Pipeline[]) => readonly Pipeline[] = (pipelines) => pipelines,
  system?: ActorSystem,
): Promise<JobHandle> {
  const parsed = parseRunOptions(options);
  const pipelines = buildPipelines(job.name, (job as InternalJob)[JOB]);
  return runJob(job.name, change(pipelines), parsed, system);
}

function invalid(message: string): HeadwaterError {
  return new HeadwaterError("JOB_INVALID", message, {
    domain: "user",
    retry: "never",
    scope: "job",
  });
}
