import { explain, rootCause } from "../errors/index.js";
import { type Inspector, inspectorOf } from "../inspect/inspector.js";
import type { Clock } from "../mailbox/index.js";
import type { JobHandle, JobResult } from "../runtime/index.js";

/** A page that is loaded again is away for less than this, in milliseconds. */
const RELOAD = 3000;

/** What staying needs to know. */
export interface StayOptions {
  readonly clock: Clock;
  /** Whether somebody is there who can press Ctrl-C. */
  readonly isTerminal: boolean;
  say(message: string): void;
}

/**
 * Keeps the page of an inspected job there when the job has finished or failed: until Ctrl-C, and
 * without a terminal as long as a page is connected. A job that somebody has stopped is not waited for.
 */
export async function stayForPages(
  handle: JobHandle,
  { clock, isTerminal, say }: StayOptions,
): Promise<void> {
  const inspector = await inspectorOf(handle)?.catch(() => undefined);
  if (inspector === undefined) return;
  try {
    const outcome = await outcomeOf(handle.done);
    if (outcome === undefined || (!isTerminal && inspector.pages === 0)) return;
    const until = isTerminal ? "Ctrl-C" : "it is closed";
    say(`${handle.jobName} ${outcome}; the page stays open until ${until}: ${inspector.url}`);
    await Promise.race([interrupted(), isTerminal ? never() : unwatched(inspector, clock)]);
  } finally {
    await inspector.close();
  }
}

/** Undefined when it was ended by somebody. */
async function outcomeOf(done: Promise<JobResult>): Promise<string | undefined> {
  try {
    const { state, savepoint } = await done;
    return state === "FINISHED" && savepoint === undefined ? "has finished" : undefined;
  } catch (error) {
    return `has failed (${explain(rootCause(error))})`;
  }
}

async function unwatched(inspector: Inspector, clock: Clock): Promise<void> {
  do {
    await inspector.unwatched();
    await new Promise<void>((resolve) => void clock.schedule(RELOAD, resolve));
  } while (inspector.pages > 0);
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}

function never(): Promise<void> {
  return new Promise(() => {});
}
