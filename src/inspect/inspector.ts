import type { InspectedJob } from "./inspected-job.js";

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

/** The inspector that a job has; undefined: none, or one that has closed. */
export function inspectorOf(job: InspectedJob): Promise<Inspector> | undefined {
  return attached.get(job);
}

/**
 * Gives the job's inspector, or opens one: `forget` is for its end. It is not there any more when it has
 * ended or could not be opened.
 */
export function inspectorOr(
  job: InspectedJob,
  open: (forget: () => void) => Promise<Inspector>,
): Promise<Inspector> {
  const existing = attached.get(job);
  if (existing !== undefined) return existing;
  const forget = (): void => {
    if (attached.get(job) === opening) attached.delete(job);
  };
  const opening = Promise.resolve().then(() => open(forget));
  attached.set(job, opening);
  opening.catch(forget);
  return opening;
}
