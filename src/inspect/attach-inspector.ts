import { HeadwaterError, illegalArgument } from "../errors/index.js";
import { address } from "../mailbox/index.js";
import { type InspectedJob, systemOf } from "./inspected-job.js";
import { type Inspector, inspectorOr } from "./inspector.js";
import { type InspectorOptions, parseInspectorOptions } from "./inspector-options.js";
import { LiveFeed } from "./live/live-feed.js";
import { MachineDirectory } from "./machine-directory.js";
import { packageVersion } from "./package-version.js";
import { SHOWN } from "./projection.js";
import { InspectorServer } from "./server/inspector-server.js";
import { StatelyFeed } from "./stately/stately-feed.js";
import { openStatelyTarget, type StatelyTarget } from "./stately/stately-target.js";

/**
 * Lets people look at a job of this process while it runs: serves a page on the loopback interface.
 *
 * A job that has an inspector already keeps it, and its address is returned. Throws OPTION_INVALID,
 * ILLEGAL_ARGUMENT for what is no handle of a job, CONNECTION_FAILED when the port is in use, and
 * DRIVER_MISSING when the inspector of Stately is asked for and not installed; the job runs on.
 */
export function attachInspector(job: InspectedJob, options?: InspectorOptions): Promise<Inspector> {
  return inspectorOr(job, (forget) => open(job, options, forget));
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
