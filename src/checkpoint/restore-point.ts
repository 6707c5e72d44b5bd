import { HeadwaterError } from "../errors/index.js";
import type { CheckpointData, CheckpointStorage, RestoreCandidate } from "./checkpoint-data.js";

/** What a job goes on from. */
export interface RestorePoint {
  readonly location: string;
  readonly data: CheckpointData;
}

/** Orders candidates; of a checkpoint and a savepoint with one id the checkpoint comes first. */
export function newestFirst(a: RestoreCandidate, b: RestoreCandidate): number {
  return (
    b.checkpointId - a.checkpointId || (a.kind === b.kind ? 0 : a.kind === "CHECKPOINT" ? -1 : 1)
  );
}

/**
 * The newest of a job's checkpoints and savepoints, read and verified; undefined when there is none.
 *
 * A damaged newest one is an error that names the next older one, not a reason to fall back: going
 * on from an older state may write records twice, so the user decides.
 */
export async function findRestorePoint(
  storage: CheckpointStorage,
): Promise<RestorePoint | undefined> {
  const [newest, next] = await storage.restoreCandidates();
  if (newest === undefined) return undefined;
  try {
    return { location: newest.location, data: await storage.load(newest.location) };
  } catch (error) {
    if (!(error instanceof HeadwaterError) || next === undefined) throw error;
    throw new HeadwaterError(error.code, error.message, {
      domain: error.domain,
      retry: error.retry,
      scope: error.scope,
      cause: error,
      hint: `The next older one is ${next.location}: restore from it by name, or bring the damaged one back.`,
    });
  }
}

/** The id for a run's first checkpoint: higher than all there are, also when an older one is restored. */
export async function nextCheckpointId(
  storage: CheckpointStorage,
  restored?: CheckpointData,
): Promise<number> {
  const newest = (await storage.restoreCandidates())[0]?.checkpointId ?? 0;
  return Math.max(newest, restored?.checkpointId ?? 0) + 1;
}
