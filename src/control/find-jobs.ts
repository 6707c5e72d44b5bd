import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { explain, HeadwaterError } from "../errors/index.js";
import { type AskOptions, askJob, isNobodyThere } from "./control-client.js";
import { controlDirectory, isOurDirectory, SOCKET_SUFFIX } from "./control-directory.js";
import type { JobReport } from "./job-report.js";

/** Sockets that are asked at the same time. */
const AT_ONCE = 16;
/** A directory with more is not a list for people. */
const MAX_SOCKETS = 1000;

/** A socket behind which somebody listens. */
export interface FoundJob {
  /** What a command takes when a name is not enough. */
  readonly id: string;
  readonly path: string;
  /** Undefined when the process has not given one, such as one that is stopped. */
  readonly report: JobReport | undefined;
  /** Why there is no report. */
  readonly problem: string | undefined;
}

/**
 * The jobs of this user that run on this machine, by id; removes the sockets that processes have
 * left behind. Throws CONNECTION_FAILED for a directory that is not only ours.
 */
export async function findJobs(
  options: AskOptions,
  directory = controlDirectory(),
): Promise<readonly FoundJob[]> {
  if (!(await isOurDirectory(directory))) return [];
  const names = (await readdir(directory)).sort().slice(0, MAX_SOCKETS);
  await removeHidden(directory, names);
  const sockets = names.filter((name) => name.endsWith(SOCKET_SUFFIX) && !name.startsWith("."));
  return lookAtAll(directory, sockets, options);
}

async function lookAtAll(
  directory: string,
  sockets: readonly string[],
  options: AskOptions,
): Promise<readonly FoundJob[]> {
  const jobs: FoundJob[] = [];
  for (let from = 0; from < sockets.length; from += AT_ONCE) {
    const some = sockets.slice(from, from + AT_ONCE);
    const found = await Promise.all(some.map((name) => look(join(directory, name), name, options)));
    for (const job of found) if (job !== undefined) jobs.push(job);
  }
  return jobs;
}

/**
 * The one job with the id or the name. Throws ILLEGAL_ARGUMENT when there is none, or more than one
 * of the name.
 */
export async function findJob(
  idOrName: string,
  options: AskOptions,
  directory = controlDirectory(),
): Promise<FoundJob> {
  const byId = await findById(idOrName, options, directory);
  if (byId !== undefined) return byId;
  const jobs = await findJobs(options, directory);
  const found = jobs.filter(({ report }) => report?.status.jobName === idOrName);
  const [job] = found;
  if (job !== undefined && found.length === 1) return job;
  throw job === undefined ? noSuchJob(idOrName, jobs) : ambiguous(idOrName, found);
}

/** Asks that job only: another one that does not answer must not hold this one up. */
async function findById(
  id: string,
  options: AskOptions,
  directory: string,
): Promise<FoundJob | undefined> {
  if (!(await isOurDirectory(directory))) return undefined;
  const socket = `${id}${SOCKET_SUFFIX}`;
  if (!(await readdir(directory)).includes(socket)) return undefined;
  return (await lookAtAll(directory, [socket], options))[0];
}

/** Whether somebody accepts connections at the path. */
export async function hasListener(path: string, options: AskOptions): Promise<boolean> {
  try {
    await askJob(path, { type: "status" }, options);
    return true;
  } catch (error) {
    return !isNobodyThere(error);
  }
}

async function look(
  path: string,
  name: string,
  options: AskOptions,
): Promise<FoundJob | undefined> {
  const id = name.slice(0, -SOCKET_SUFFIX.length);
  try {
    const { report } = await askJob(path, { type: "status" }, options);
    checkReport(report);
    return { id, path, report, problem: undefined };
  } catch (error) {
    // A socket gets its name only when its process listens: whoever refuses is gone.
    if (isNobodyThere(error)) {
      await removeSocket(path);
      return undefined;
    }
    return { id, path, report: undefined, problem: explain(error).split("\n")[0] };
  }
}

/** Sockets of processes that died between making one and giving it its name. */
async function removeHidden(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const pid = /^\..*-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await removeSocket(join(directory, name));
  }
}

/** Never rejects: what cannot be removed is found again. */
async function removeSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true) await rm(path, { force: true }).catch(() => undefined);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** The least that a list shows. */
function checkReport(report: JobReport | undefined): void {
  const { status, pid } = report ?? {};
  if (typeof pid === "number" && typeof status?.jobName === "string") return;
  throw new HeadwaterError("ILLEGAL_ARGUMENT", "the answer has no report", {
    domain: "external",
    retry: "never",
    scope: "job",
  });
}

function noSuchJob(idOrName: string, jobs: readonly FoundJob[]): HeadwaterError {
  const running = jobs.slice(0, 20).map(({ id }) => id);
  return notOneJob(
    `no job ${idOrName} runs here`,
    running.length === 0
      ? "No job of this user runs on this machine with a control socket."
      : `These run: ${running.join(", ")}.`,
  );
}

function ambiguous(name: string, jobs: readonly FoundJob[]): HeadwaterError {
  return notOneJob(
    `${jobs.length} jobs of the name ${name} run here`,
    `Give the id of the one you mean: ${jobs
      .slice(0, 20)
      .map(({ id }) => id)
      .join(", ")}.`,
  );
}

function notOneJob(message: string, hint: string): HeadwaterError {
  return new HeadwaterError("ILLEGAL_ARGUMENT", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint,
  });
}
