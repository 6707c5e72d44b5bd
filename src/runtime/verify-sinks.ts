import type { JobOptions } from "./job-options.js";
import type { Pipeline } from "./pipeline.js";

/** Lets each sink look at the job that it is part of; throws what one of them throws. */
export function verifySinks(
  jobName: string,
  pipelines: readonly Pipeline[],
  { checkpoint }: JobOptions,
): void {
  const { interval, intervalDuringBacklog = 0, minPause = 0 } = checkpoint;
  const checkpointInterval =
    interval === undefined ? undefined : Math.max(interval, intervalDuringBacklog, minPause);
  const claimed = new Set<string>();
  const claim = (name: string): boolean => {
    const isFree = !claimed.has(name);
    claimed.add(name);
    return isFree;
  };
  for (const { sink, badRecords } of pipelines) {
    for (const one of [sink, badRecords.deadLetters]) {
      one?.verify?.({ jobName, checkpointInterval, claim });
    }
  }
}
