import { checkpointStorageAt } from "../checkpoint/addressed-storage.js";
import type { CheckpointKind, CompletedCheckpoint } from "../checkpoint/index.js";
import type { JobReport } from "../control/index.js";
import { formatBytes, formatDuration, formatMoment } from "./format.js";
import { table } from "./table.js";

/** A checkpoint or savepoint; of a savepoint only what its name says. */
export interface ListedCheckpoint {
  readonly checkpointId: number;
  readonly kind: CheckpointKind;
  readonly location: string;
  readonly triggeredAt?: number;
  readonly bytes?: number;
}

/**
 * What lies in a job's checkpoint directory or below its address in S3, newest first, and the last one that the job tells of if
 * it lies elsewhere. Throws CHECKPOINT_STORAGE_FAILED.
 */
export async function checkpointsOf(report: JobReport): Promise<readonly ListedCheckpoint[]> {
  const { checkpointDirectory: directory, status } = report;
  const { jobName, lastCheckpoint: last } = status;
  const known = new Map<string, CompletedCheckpoint>();
  if (last !== undefined) known.set(last.location, last);
  if (directory === undefined) return [...known.values()];
  const storage = checkpointStorageAt(directory, { jobName });
  for (const checkpoint of await storage.list()) known.set(checkpoint.location, checkpoint);
  const candidates = await storage.restoreCandidates();
  const listed = candidates.map((candidate) => known.get(candidate.location) ?? candidate);
  // A checkpoint may have gone since the job told of it; a savepoint may lie anywhere.
  const isElsewhere =
    last?.kind === "SAVEPOINT" && !listed.some(({ location }) => location === last.location);
  return isElsewhere ? [last, ...listed] : listed;
}

export function checkpointLines(
  id: string,
  { checkpointMetrics: metrics, checkpointDirectory }: JobReport,
  checkpoints: readonly ListedCheckpoint[],
): readonly string[] {
  const metric = (name: string): number => metrics[`checkpoint.${name}`] ?? 0;
  const took = metric("lastCheckpointDuration");
  const counts =
    `${metric("numberOfCompletedCheckpoints")} completed, ` +
    `${metric("numberOfFailedCheckpoints")} failed, ` +
    `${metric("numberOfInProgressCheckpoints")} in progress`;
  const rows = checkpoints.map(({ checkpointId, kind, triggeredAt, bytes, location }) => [
    String(checkpointId),
    kind.toLowerCase(),
    triggeredAt === undefined ? "" : formatMoment(triggeredAt),
    bytes === undefined ? "" : formatBytes(bytes),
    location,
  ]);
  return [
    `${id}: ${counts}${took < 0 ? "" : `, the last took ${formatDuration(took)}`}`,
    ...(checkpointDirectory === undefined ? ["checkpoints stay in memory"] : []),
    ...(rows.length === 0 ? [] : table([["ID", "KIND", "TAKEN (UTC)", "SIZE", "PATH"], ...rows])),
  ];
}
