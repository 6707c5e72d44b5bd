import { HeadwaterError, illegalArgument } from "../errors/index.js";
import { address } from "../mailbox/index.js";
import { type InspectedJob, systemOf } from "./inspected-job.js";
import { type InspectorOptions, parseInspectorOptions } from "./inspector-options.js";
import { LiveFeed } from "./live/live-feed.js";
import { MachineDirectory } from "./machine-directory.js";
import { packageVersion } from "./package-version.js";
import { SHOWN } from "./projection.js";
import { InspectorServer } from "./server/inspector-server.js";
import { StatelyFeed } from "./stately/stately-feed.js";
import { openStatelyTarget, type StatelyTarget } from "./stately/stately-target.js";

/** An inspector that looks at a running job. */
export interface Inspector {
  /** The page's address, with the token if there is one. */
  readonly url: string;
  /** Where an inspector that speaks the format of `@statelyai/inspect` connects to. */
  readonly statelyUrl: string;
  /** Where the inspector of Stately shows the job, if one was started. */
  readonly statelyPage: string | undefined;
  /** Pages that are connected now. */
  readonly pages: number;
  /** Resolves when no page is connected: at once, or when the last one goes. */
  unwatched(): Promise<void>;
  /** Detaches it; unless it `stays` it closes by itself at the job's end, after its pages were told. */
  close(): Promise<void>;
}

/** One inspector a job: a second one gets what the first one serves. */
const attached = new WeakMap<InspectedJob, Promise<Inspector>>();

/**
 * Lets people look at a job of this process while it runs: serves a page on the loopback interface.
 *
 * A job that has an inspector already keeps it, and its address is returned. Throws OPTION_INVALID,
 * ILLEGAL_ARGUMENT for what is no handle of a job, CONNECTION_FAILED when the port is in use, and
 * DRIVER_MISSING when the inspector of Stately is asked for and not installed; the job runs on.
 */
export function attachInspector(job: InspectedJob, options?: InspectorOptions): Promise<Inspector> {
  const existing = attached.get(job);
  if (existing !== undefined) return existing;
  const forget = (): void => {
    if (attached.get(job) === opening) attached.delete(job);
  };
  const opening = Promise.resolve().then(() => open(job, options, forget));
  attached.set(job, opening);
  opening.catch(forget);
  return opening;
}

/** The inspector that a job has; undefined: none, or one that has closed. */
export function inspectorOf(job: InspectedJob): Promise<Inspector> | undefined {
  return attached.get(job);
}

async function open(
  job: InspectedJob,
  options: InspectorOptions | undefined,
  closed: () => void,
): Promise<Inspector> {
  const { redact, interval, stately, stays, announce, ...where } = parseInspectorOptions(options);
  const system = systemOf(job);
  if (system === undefined) throw illegalArgument("attachInspector needs the handle of a job");
  const { clock } = system;
  const limits = { ...SHOWN, redact };
  const directory = new MachineDirectory(system.machines, clock, `${address(job.jobName)}/`);
  const statelyFeed = new StatelyFeed(directory, clock, limits);
  const version = packageVersion();
  const live = new LiveFeed({ job, system, directory, limits, interval, version });
  let target: StatelyTarget | undefined;
  let server: InspectorServer | undefined;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      closed();
      live.close();
      statelyFeed.close();
      directory.close();
      target?.close();
      await server?.close();
    })();
    return closing;
  };
  try {
    server = await InspectorServer.open({ ...where, clock, live, stately: statelyFeed });
    if (stately !== undefined) target = await openStatelyTarget(stately, statelyFeed, clock);
  } catch (error) {
    await close();
    throw error;
  }
  announce(`inspector of ${job.jobName}: ${server.url}`);
  if (target?.url !== undefined) announce(`inspector of Stately: ${target.url}`);
  const ended = (error?: unknown) => {
    if (closing !== undefined) return undefined;
    live.finish(error);
    return stays ? undefined : close();
  };
  job.done.then(() => ended(), ended);
  return {
    url: server.url,
    statelyUrl: server.statelyUrl,
    statelyPage: target?.url,
    get pages() {
      return live.pages;
    },
    unwatched: () => live.unwatched(),
    close,
  };
}

/** For whoever starts a job: an inspector that cannot be opened is told of, and the job goes on. */
export async function tryAttachInspector(
  job: InspectedJob,
  options: InspectorOptions,
): Promise<Inspector | undefined> {
  try {
    return await attachInspector(job, options);
  } catch (error) {
    if (error instanceof HeadwaterError && error.code === "OPTION_INVALID") throw error;
    const { announce } = parseInspectorOptions(options);
    const hint =
      error instanceof HeadwaterError && error.hint !== undefined ? ` ${error.hint}` : "";
    announce(`the job runs without an inspector: ${(error as Error).message}.${hint}`);
    return undefined;
  }
}
