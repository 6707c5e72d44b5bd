import { runsIn } from "../inspect/inspected-job.js";
import type { Recording } from "../inspect/recording/record-job.js";
import type { ActorSystem } from "../mailbox/index.js";
import type { JobHandle } from "./job-client.js";
import type { JobOptions } from "./job-options.js";

/** Records the job from its first event on, if it is to be; throws JOB_INVALID. */
export async function startRecording(
  jobName: string,
  system: ActorSystem,
  { record }: JobOptions,
): Promise<Recording | undefined> {
  if (record === undefined) return undefined;
  // Nobody needs the recorder but a job that is recorded.
  const { recordJob } = await import("../inspect/recording/record-job.js");
  return recordJob(jobName, system, record);
}

/** Lets inspectors attach to the job, and attaches the one that it is started with. */
export async function makeInspectable(
  handle: JobHandle,
  system: ActorSystem,
  { inspector }: JobOptions,
): Promise<void> {
  runsIn(handle, system);
  if (inspector === undefined) return;
  // Nobody needs its server but a job that is looked at.
  const { tryAttachInspector } = await import("../inspect/attach-inspector.js");
  await tryAttachInspector(handle, inspector);
}
