import { checkpointStorageAt } from "../checkpoint/addressed-storage.js";
import { type CheckpointStorage, MemoryCheckpointStorage } from "../checkpoint/index.js";
import type { Scheduler } from "../mailbox/index.js";

/** Where savepoints of a job without a checkpoint directory go, in the working directory. */
export const DEFAULT_SAVEPOINT_DIRECTORY = "savepoints";

const isInMemory = (location: string): boolean => location.startsWith("memory:");

/**
 * The storage of a job without a checkpoint directory: checkpoints in memory, for restarts only, and
 * savepoints in files or S3, since somebody wants to keep them.
 */
export function memoryWithSavepointFiles(
  jobName: string,
  retained: number,
  scheduler: Scheduler,
): CheckpointStorage {
  const memory = new MemoryCheckpointStorage({ jobName, retained }, scheduler);
  const directory = DEFAULT_SAVEPOINT_DIRECTORY;
  const kept = checkpointStorageAt(directory, { jobName }, scheduler);
  return {
    store: (data) => memory.store(data),
    storeSavepoint: (data, target) => kept.storeSavepoint(data, target),
    list: () => memory.list(),
    discard: (location) => memory.discard(location),
    discardSavepoint: async (savepoint) => kept.discardSavepoint?.(savepoint),
    load: (location) => (isInMemory(location) ? memory : kept).load(location),
    // For ids that no savepoint has yet: there is nothing in memory when a job starts.
    restoreCandidates: () => kept.restoreCandidates(),
  };
}
